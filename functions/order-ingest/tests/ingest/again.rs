//! Orders that are tried again or cancelled, with a real journal that decides them.

mod lost;

use crate::support::{World, post};
use axum::Router;
use axum::http::header;
use domain::inventory::{Body as Entry, Confirmed, Decision, Input, Lookup, State, decide};
use domain::order::Cancels;
use domain::stock::Stock;
use domain::{Order, ProductId, WarehouseId};
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, OrderSubject, matches};
use messaging::summary::Summary;
use messaging::{Event, stored, streams};
use serde_json::{Value, json};
use state::journal::{self, Decide, Position};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use stock::InventoryJournal;
use testkit::history::{History, Options, Report};

/// The function, and a journal that decides what it places.
struct Shop {
    world: World,
    journal: InventoryJournal,
}

async fn send(router: &Router, path: &str, token: &str, body: String) -> (u16, Value) {
    let token = format!("Bearer {token}");
    let (status, _, body) = post(router, path, &[(header::AUTHORIZATION, &token)], body).await;
    (status, body)
}

impl Shop {
    async fn start() -> Self {
        let world = World::start().await;
        let journal = stock::journal(&world.nats, &WarehouseId::main());
        Self { world, journal }
    }

    /// `status state attempt` of the answer.
    async fn post(&self, path: &str, body: Value) -> String {
        let (status, body) = send(&self.world.router, path, "admin", body.to_string()).await;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        format!("{status} {} {}", text("state"), body["attempt"])
    }

    async fn place(&self, id: &str, quantity: i64) -> u16 {
        let order = order(id, quantity);
        send(&self.world.router, "/", "admin", order.to_string()).await.0
    }

    /// Decides what is placed, as order-processor does.
    async fn decide(&self) {
        let placed = self.placed().await;
        let commit = self.journal.commit(|view| {
            let decided_to = view.decided_to.map_or(0, |position| position.sequence);
            match outcomes(&placed, decided_to, &stock_of(view.state)) {
                None => Decide::Answer(()),
                Some((decision, to)) => {
                    Decide::Append { body: decision.into(), decided_to: Some(to) }
                }
            }
        });
        commit.await.unwrap();
    }

    /// Decides what is placed, as a process does that ends before it has published a fact.
    async fn decide_and_die(&self) {
        let placed = self.placed().await;
        let read = self.journal.commit(|view| match view.fresh {
            false => Decide::Refresh,
            true => {
                let decided_to = view.decided_to.map_or(0, |position| position.sequence);
                Decide::Answer(outcomes(&placed, decided_to, &stock_of(view.state)).unwrap())
            }
        });
        let (decision, to) = read.await.unwrap();
        let subject = subject::inventory_journal(&WarehouseId::main());
        let last = stored::last(&self.world.nats, streams::JOURNAL, &subject).await.unwrap();
        let prev = last.map_or(0, |last| last.sequence);
        let entry = journal::Entry {
            id: "the last words".into(),
            prev,
            at: std::time::SystemTime::now().into(),
            decided_to: Some(to),
            key: None,
            body: Entry::from(decision),
        };
        let entry = Outgoing::new(subject, serde_json::to_vec(&entry).unwrap().into());
        let stored = publish::one(&self.world.nats, &entry, Some(prev)).await.unwrap();
        assert!(matches!(stored, Published::Stored(_)));
    }

    async fn placed(&self) -> Vec<(u64, String, Event, Option<Confirmed>)> {
        let main = WarehouseId::main();
        let mut parsed = Vec::new();
        for message in self.world.messages(streams::ORDERS, &subject::placed(&main)).await {
            let event = serde_json::from_slice(&message.payload).unwrap();
            let OrderSubject { partner, order_id, .. } =
                OrderSubject::parse(&message.subject).unwrap();
            let nats = &self.world.nats;
            let confirmed =
                messaging::inventory::confirmed(nats, &main, &partner, &order_id).await.unwrap();
            parsed.push((message.sequence, message.subject, event, confirmed));
        }
        parsed
    }

    async fn set(&self, key: &str, available: i64) {
        let available = BTreeMap::from([(product(), available)]);
        // As version 0.1.0 wrote it, with the key in the body.
        let bound = journal::BoundKey::new(key, &());
        let commit = self.journal.commit(|view| match view.keys.use_of(&bound) {
            journal::KeyUse::Applied => Decide::Answer(()),
            _ => Decide::Append {
                body: Entry::Set { key: Some(key.into()), available: available.clone() },
                decided_to: None,
            },
        });
        commit.await.unwrap();
    }

    async fn available(&self) -> i64 {
        let read = self
            .journal
            .commit(|view| Decide::Answer(view.state.stock.get(&product()).unwrap().available));
        read.await.unwrap()
    }

    /// `subject type attempt reason` of everything on `filter`.
    async fn said(&self, filter: &str) -> Vec<String> {
        let mut said = Vec::new();
        // nats-server 2.9 takes no filter that begins before the subjects of a stream.
        for message in self.world.messages(streams::ORDERS, "orders.>").await {
            if !matches(filter, &message.subject) {
                continue;
            }
            let event: Event = serde_json::from_slice(&message.payload).unwrap();
            let header = |name| message.header(name).unwrap_or_default();
            let (attempt, reason) = (header("Orderflow-Attempt"), header("Orderflow-Reason"));
            let stage = message.subject.split('.').nth(1).unwrap();
            // What order-ingest placed says what is counted of it, in each attempt.
            if stage == "placed" && !header("Orderflow-Event").is_empty() {
                assert!(Summary::parse(header("Orderflow-Summary")).is_some(), "{said:?}");
            }
            let kind = event.kind.trim_start_matches("orderflow.order.").to_owned();
            said.push(format!("{stage} {kind} {attempt} {reason}").trim().to_owned());
        }
        said
    }

    async fn history(&self) -> Report {
        let report =
            History::read(&self.world.server.url()).await.unwrap().check(Options { sent: false });
        report.assert_clean();
        report
    }
}

/// A journal as version 0.1.0 began it: with the sample products.
fn stock_of(state: &State) -> Stock {
    let begun = state.has_begun();
    if begun { state.stock.clone() } else { State::seeded().stock }
}

/// What becomes of everything behind `decided_to`, and up to where that is.
fn outcomes(
    placed: &[(u64, String, Event, Option<Confirmed>)],
    decided_to: u64,
    stock: &Stock,
) -> Option<(Decision, Position)> {
    let inputs: Vec<Input<'_>> = placed
        .iter()
        .filter(|(sequence, ..)| *sequence > decided_to)
        .map(|(sequence, subject, event, confirmed)| {
            let named = OrderSubject::parse(subject).unwrap();
            Input {
                sequence: *sequence,
                data: event.data.as_deref(),
                file: event.file.clone(),
                named: Some((named.partner, named.order_id)),
                looked: confirmed.clone().map_or(Lookup::Nothing, Lookup::Found),
                sale: Lookup::Unknown,
            }
        })
        .collect();
    let position = Position {
        stream: streams::ORDERS.into(),
        identity: "2026".into(),
        filter: subject::placed(&WarehouseId::main()),
        sequence: inputs.last()?.sequence,
    };
    Some((decide(stock, &WarehouseId::main(), &inputs, usize::MAX).unwrap(), position))
}

fn product() -> ProductId {
    ProductId::parse("P001").unwrap()
}

fn order(id: &str, quantity: i64) -> Value {
    json!({"order_id": id, "product": "P001", "quantity": quantity, "price": "1.50"})
}

#[tokio::test]
async fn a_refused_order_is_tried_again_until_there_is_stock() {
    let shop = Shop::start().await;
    let retry = async |body: Value| shop.post("/retry", body).await;
    assert_eq!(shop.place("a.1", 60).await, 201);
    assert_eq!(retry(json!({"order_id": "a.1"})).await, "409 pending 1");
    shop.decide().await;
    assert_eq!(retry(json!({"order_id": "a.1"})).await, "201 pending 2");
    assert_eq!(retry(json!({"order_id": "a.1"})).await, "200 pending 2");
    assert_eq!(retry(json!({"order_id": "a.1", "attempt": 1})).await, "200 pending 2");
    assert_eq!(retry(json!({"order_id": "a.1", "attempt": 2})).await, "409 pending 2");
    shop.decide().await;
    // The command that names its attempt is done, whatever came of it.
    assert_eq!(retry(json!({"order_id": "a.1", "attempt": 1})).await, "200 refused 2");
    shop.set("more", 70).await;
    assert_eq!(retry(json!({"order_id": "a.1", "attempt": 2})).await, "201 pending 3");
    shop.decide().await;
    assert_eq!(shop.available().await, 10);
    assert_eq!(retry(json!({"order_id": "a.1"})).await, "200 confirmed 3");
    assert_eq!(retry(json!({"order_id": "a.1", "attempt": 3})).await, "409 confirmed 3");
    assert_eq!(retry(json!({"order_id": "a.1", "attempt": 1})).await, "409 confirmed 3");
    // The order itself is still known, and so is another one under its id.
    assert_eq!(shop.place("a.1", 60).await, 200);
    assert_eq!(shop.place("a.1", 61).await, 409);
    let said = shop.said("orders.*.main.DIRECT.>").await;
    let expected = [
        "placed placed.v1 1",
        "refused refused.v1 1 insufficient_stock",
        "placed placed.v1 2",
        "refused refused.v1 2 insufficient_stock",
        "placed placed.v1 3",
        "confirmed confirmed.v1 3",
    ];
    assert_eq!(said, expected);
    let summary = shop.history().await.summary;
    assert_eq!((summary.placed, summary.confirmed, summary.refused), (3, 1, 2));
}

#[tokio::test]
async fn a_confirmed_order_is_cancelled_once_and_can_be_placed_again() {
    let shop = Shop::start().await;
    let cancel = async |body: Value| shop.post("/cancel", body).await;
    let id = json!({"partner": "DIRECT", "order_id": "1"});
    assert_eq!(shop.place("1", 30).await, 201);
    assert_eq!(cancel(id.clone()).await, "409 pending 1");
    shop.decide().await;
    assert_eq!(cancel(id.clone()).await, "201 cancelling 2");
    assert_eq!(cancel(id.clone()).await, "200 cancelling 2");
    assert_eq!(shop.post("/retry", id.clone()).await, "409 cancelling 2");
    shop.decide().await;
    assert_eq!(shop.available().await, 50);
    assert_eq!(cancel(id.clone()).await, "200 cancelled 2");
    assert_eq!(cancel(json!({"order_id": "1", "attempt": 1})).await, "200 cancelled 2");
    assert_eq!(cancel(json!({"order_id": "1", "attempt": 2})).await, "409 cancelled 2");
    assert_eq!(shop.place("1", 30).await, 200, "the same order is still a duplicate");
    assert_eq!(shop.post("/retry", id.clone()).await, "201 pending 3");
    assert_eq!(cancel(id.clone()).await, "409 pending 3");
    shop.decide().await;
    assert_eq!(cancel(id).await, "201 cancelling 4");
    shop.decide().await;
    let said = shop.said("orders.*.main.DIRECT.>").await;
    let expected = [
        "placed placed.v1 1",
        "confirmed confirmed.v1 1",
        "placed cancelling.v1 2",
        "refused refused.v1 2 cancelled",
        "placed placed.v1 3",
        "confirmed confirmed.v1 3",
        "placed cancelling.v1 4",
        "refused refused.v1 4 cancelled",
    ];
    assert_eq!(said, expected);
    assert_eq!(shop.available().await, 50);
    assert_eq!(shop.history().await.summary.cancelled, 2);
}

#[tokio::test]
async fn a_return_whose_stock_is_sold_stays_confirmed_until_it_is_there_again() {
    let shop = Shop::start().await;
    let id = json!({"order_id": "back"});
    assert_eq!(shop.place("back", -10).await, 201);
    assert_eq!(shop.place("sold", 55).await, 201);
    shop.decide().await;
    assert_eq!(shop.post("/cancel", id.clone()).await, "201 cancelling 2");
    shop.decide().await;
    assert_eq!(shop.available().await, 5);
    assert_eq!(shop.post("/retry", id.clone()).await, "409 confirmed 2");
    shop.set("more", 12).await;
    assert_eq!(shop.post("/cancel", id.clone()).await, "201 cancelling 3");
    shop.decide().await;
    assert_eq!(shop.post("/cancel", id).await, "200 cancelled 3");
    assert_eq!(shop.available().await, 2);
    let said = shop.said("orders.*.main.DIRECT.back").await;
    let expected = [
        "placed placed.v1 1",
        "confirmed confirmed.v1 1",
        "placed cancelling.v1 2",
        "confirmed kept.v1 2 insufficient_stock",
        "placed cancelling.v1 3",
        "refused refused.v1 3 cancelled",
    ];
    assert_eq!(said, expected);
    let summary = shop.history().await.summary;
    assert_eq!((summary.kept, summary.cancelled), (1, 1));
}

#[tokio::test]
async fn facts_of_a_further_attempt_are_published_by_whoever_comes_next() {
    let shop = Shop::start().await;
    for (id, quantity) in [("no", 60), ("yes", 10)] {
        assert_eq!(shop.place(id, quantity).await, 201);
    }
    shop.decide().await;
    assert_eq!(shop.post("/retry", json!({"order_id": "no"})).await, "201 pending 2");
    assert_eq!(shop.post("/cancel", json!({"order_id": "yes"})).await, "201 cancelling 2");
    shop.decide_and_die().await;
    // Decided and not yet said: no further attempt is taken, and a command that comes again is done.
    assert_eq!(shop.post("/retry", json!({"order_id": "no"})).await, "200 pending 2");
    assert_eq!(shop.post("/retry", json!({"order_id": "yes"})).await, "409 cancelling 2");
    let shop = Shop { journal: stock::journal(&shop.world.nats, &WarehouseId::main()), ..shop };
    shop.decide().await;
    assert_eq!(shop.available().await, 50);
    let mut said = shop.said("orders.refused.>").await;
    said.sort();
    let expected = [
        "refused refused.v1 1 insufficient_stock",
        "refused refused.v1 2 cancelled",
        "refused refused.v1 2 insufficient_stock",
    ];
    assert_eq!(said, expected);
    assert_eq!(shop.post("/retry", json!({"order_id": "no"})).await, "201 pending 3");
    assert_eq!(shop.post("/retry", json!({"order_id": "yes"})).await, "201 pending 3");
    shop.decide().await;
    let summary = shop.history().await.summary;
    assert_eq!((summary.confirmed, summary.cancelled, summary.refused), (2, 1, 3));
}

#[tokio::test]
async fn an_order_whose_cancellation_cannot_be_read_stays_confirmed_and_can_be_cancelled() {
    let shop = Shop::start().await;
    assert_eq!(shop.place("1", 10).await, 201);
    shop.decide().await;
    // Not as order-ingest would write it: it cancels itself.
    let (sequence, subject, mut event, _) = shop.placed().await.pop().unwrap();
    let order: Order = serde_json::from_str(event.data.unwrap().get()).unwrap();
    let order = order.cancelling(Cancels { attempt: 2, placed: sequence, decision: "d".into() });
    event.data = Some(serde_json::value::to_raw_value(&order).unwrap());
    let message = Outgoing::new(subject, event.to_bytes()).header("Orderflow-Attempt", "2");
    publish::one(&shop.world.nats, &message, Some(sequence)).await.unwrap();
    shop.decide().await;
    assert_eq!(shop.post("/retry", json!({"order_id": "1"})).await, "409 confirmed 1");
    assert_eq!(shop.available().await, 40);
    assert_eq!(shop.post("/cancel", json!({"order_id": "1"})).await, "201 cancelling 2");
    shop.decide().await;
    assert_eq!(shop.available().await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_commands_at_once_one_wins() {
    let shop = Shop::start().await;
    assert_eq!(shop.place("no", 60).await, 201);
    assert_eq!(shop.place("yes", 10).await, 201);
    shop.decide().await;
    for (path, id) in [("/retry", "no"), ("/cancel", "yes")] {
        let body = json!({"order_id": id}).to_string();
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (router, body) = (shop.world.router.clone(), body.clone());
                tokio::spawn(async move { send(&router, path, "admin", body).await })
            })
            .collect();
        let mut answers = BTreeMap::new();
        for call in calls {
            *answers.entry(call.await.unwrap().0).or_insert(0) += 1;
        }
        assert_eq!(answers, BTreeMap::from([(200, 19), (201, 1)]), "{path}");
    }
    shop.decide().await;
    assert_eq!(shop.available().await, 50);
    assert_eq!(shop.history().await.summary.placed, 4);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_says_where_the_order_stands() {
    let shop = Shop::start().await;
    assert_eq!(shop.place("yes", 10).await, 201);
    assert_eq!(shop.place("no", 60).await, 201);
    shop.decide().await;
    for (path, id, expected) in [
        ("/retry", "yes", "order yes of DIRECT is confirmed (attempt 1): only what is refused"),
        ("/cancel", "no", "order no of DIRECT is refused (attempt 1): only what is confirmed"),
    ] {
        let body = json!({"order_id": id}).to_string();
        let (status, body) = send(&shop.world.router, path, "admin", body).await;
        let detail = body["detail"].as_str().unwrap();
        assert!(status == 409 && detail.starts_with(expected), "{body}");
    }
    let body = json!({"order_id": "no"}).to_string();
    let (_, body) = send(&shop.world.router, "/cancel", "admin", body).await;
    assert_eq!(
        (&body["state"], &body["reason"]),
        (&json!("refused"), &json!("insufficient_stock"))
    );
    for path in ["/retry", "/cancel"] {
        for body in [
            json!({"order_id": "other"}),
            json!({"order_id": "yes", "partner": "US1"}),
            json!({"order_id": "yes", "partner": "NEW"}),
        ] {
            let answer = send(&shop.world.router, path, "admin", body.to_string()).await;
            assert_eq!(answer.0, 404, "{path} {body}");
        }
        let named = json!({"order_id": "yes", "attempt": 7}).to_string();
        assert_eq!(send(&shop.world.router, path, "admin", named).await.0, 409);
        for body in [
            "",
            "[]",
            "{}",
            "\"yes\"",
            "{\"order_id\":7}",
            "{\"order_id\":\"\"}",
            "{\"order_id\":\"yes\",\"attempt\":-1}",
            "{\"order_id\":\"yes\",\"partner\":\"no such/name\"}",
            "{\"order_id\":\"yes\",\"force\":true}",
            "\u{0}",
        ] {
            let (status, problem) = send(&shop.world.router, path, "admin", body.into()).await;
            assert_eq!((status, &problem["status"]), (422, &json!(422)), "{path} {body}");
        }
        let body = json!({"order_id": "yes"}).to_string();
        for (token, status) in [("guess", 401), ("connector", 403)] {
            assert_eq!(send(&shop.world.router, path, token, body.clone()).await.0, status);
        }
    }
    assert_eq!(shop.said("orders.placed.>").await.len(), 2);
}
