//! Many at once, on two replicas.

use crate::support::{World, told};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_whichever_replica_takes_it() {
    const EACH: usize = 8;
    let world = World::start(2).await;
    let made = world.shops[0].post("/products", &json!({"id": "1", "name": "Tea"})).await;
    assert_eq!(made.status, 201);
    let adding = (0..4).map(|n| {
        let shop = world.shops[n % 2];
        tokio::spawn(async move {
            let mut stale = 0;
            for _ in 0..EACH {
                loop {
                    let found = shop.get("/products/1").await;
                    let mut next = found.body.clone();
                    next["cents"] = (next["cents"].as_u64().unwrap() + 1).into();
                    let at = [("if-match", found.etag())];
                    match shop.send("PUT", "/products/1", &at, &next).await.status {
                        200 => break,
                        412 => stale += 1,
                        other => panic!("{other}"),
                    }
                }
            }
            stale
        })
    });
    let mut stale = 0;
    for adding in adding.collect::<Vec<_>>() {
        stale += adding.await.unwrap();
    }
    assert!(0 < stale, "they never met");
    assert_eq!(world.shops[1].get("/products/1").await.body["cents"], 4 * EACH);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_different_fields_at_once_are_all_kept() {
    let world = World::start(2).await;
    assert_eq!(
        world.shops[0].post("/products", &json!({"id": "1", "name": "Tea"})).await.status,
        201
    );
    let tagging = (0..12).map(|n: usize| {
        let shop = world.shops[n % 2];
        tokio::spawn(async move {
            let patch = json!({"tags": {n.to_string(): "x"}});
            shop.send("PATCH", "/products/1", &[], patch).await.status
        })
    });
    for tagging in tagging.collect::<Vec<_>>() {
        assert_eq!(tagging.await.unwrap(), 200);
    }
    let found = world.shops[0].get("/products/1").await;
    assert_eq!(found.body["tags"].as_object().unwrap().len(), 12, "{found:?}");
    assert_eq!(told(&world.nats, "analytics.products.>").await.len(), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_or_one_id_one_gets_it() {
    let world = World::start(2).await;
    for round in 0..10 {
        let creating = (0..6).map(|n: usize| {
            let shop = world.shops[n % 2];
            // Three want one name under ids of their own, three one id under names of their own.
            let body = match n {
                0..3 => json!({"id": format!("{round}-{n}"), "name": format!("Tea {round}")}),
                _ => json!({"id": format!("{round}"), "name": format!("Milk {round} {n}")}),
            };
            tokio::spawn(async move { shop.post("/products", &body).await })
        });
        let mut statuses = Vec::new();
        for (n, creating) in creating.collect::<Vec<_>>().into_iter().enumerate() {
            let answered = creating.await.unwrap();
            if answered.status == 409 && n < 3 {
                assert_eq!(answered.body["errors"][0]["field"], "name", "{answered:?}");
            }
            statuses.push(answered.status);
        }
        for half in statuses.chunks_mut(3) {
            half.sort_unstable();
            assert_eq!(half, [201, 409, 409], "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_there_all_the_time_is_on_one_page_while_others_write() {
    let world = World::start(2).await;
    let [reader, writer] = [world.shops[0], world.shops[1]];
    let make = async |id: String| {
        let body = json!({"partner": "US1", "id": id, "email": id});
        assert_eq!(writer.post("/cards", &body).await.status, 201);
    };
    for n in 0..20 {
        make(format!("b{n:02}")).await;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let (mut cursor, mut page) = (String::new(), 0);
    loop {
        let next = if page == 0 { String::new() } else { format!("&cursor={cursor}") };
        let listed = reader.get(&format!("/cards?partner=US1&limit=4{next}")).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let cards: &Vec<Value> = listed.body["cards"].as_array().unwrap();
        assert!(cards.len() <= 4);
        for card in cards {
            *seen.entry(card["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        // Before and behind where the reader is: new ones, changed ones, and deleted ones.
        make(format!("a{page}")).await;
        make(format!("c{page}")).await;
        let patch = json!({"email": format!("new {page}")});
        assert_eq!(writer.send("PATCH", "/cards/US1/b00", &[], &patch).await.status, 200);
        let patch = json!({"email": format!("newer {page}")});
        assert_eq!(writer.send("PATCH", "/cards/US1/b19", &[], &patch).await.status, 200);
        assert_eq!(
            writer.send("DELETE", &format!("/cards/US1/a{page}"), &[], "").await.status,
            204
        );
        match listed.body["next"].as_str() {
            // It is long: it has to end all the same.
            Some(next) if page < 60 => cursor = next.to_owned(),
            _ => break,
        }
        page += 1;
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    assert_eq!(seen.keys().filter(|id| id.starts_with('b')).count(), 20, "{seen:?}");
}
