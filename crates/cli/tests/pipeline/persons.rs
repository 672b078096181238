//! Personal data in the whole pipeline: where it is, and where not.

use std::fs;
use std::path::Path;

use messaging::publish::{Outgoing, one};
use messaging::{Nats, subject, tail};
use serde_json::{Value, json};

use crate::faults::nats_url;
use crate::support::{Up, eventually, kill};

/// What is looked for: parts of name, address, telephone and e-mail of every person that is sent.
const SECRETS: [&str; 5] = ["Zaphodia", "zaphodia", "Geheimgasse", "441632960", "LU87654321"];

/// The places of docs/OPERATIONS.md: a stream, and the subjects in it.
const PLACES: [(&str, &str); 6] = [
    ("INTAKE", "orders"),
    ("ERRORS", "errors.dead.order-ingest"),
    ("ERRORS", "errors.conflict.>"),
    ("OUTBOX", "outbox.notifier.>"),
    ("KV_PERSONS", "$KV.PERSONS.order.>"),
    ("KV_CUSTOMER_CARDS", "$KV.CUSTOMER_CARDS.record.>"),
];

fn person(id: &str) -> Value {
    json!({"id": id, "name": "Zaphodia Beeb", "email": format!("zaphodia.{}@example.org", id.len()),
        "phone": "+44 1632 960 123", "company": "Zaphodia Ltd", "vat_number": "LU87654321",
        "billing": {"lines": ["Geheimgasse 1"], "city": "Wien", "country": "AT"}})
}

fn order(id: &str, customer: &Value) -> Value {
    json!({"order_id": id, "product": "P001", "quantity": 1, "price": 1, "customer": customer})
}

/// Everything that the streams hold: stream, subject, and all of the message as text.
async fn everything(nats: &Nats) -> Vec<(String, String, String)> {
    let names: Vec<String> = messaging::streams::STREAMS
        .iter()
        .map(|stream| stream.name.to_owned())
        .chain(messaging::streams::BUCKETS.iter().map(|bucket| format!("KV_{bucket}")))
        .collect();
    let mut found = Vec::new();
    for name in names {
        tail::read(nats, &name, ">", 1, false, |message| {
            let payload = String::from_utf8_lossy(&message.payload);
            let text = format!("{} {:?} {payload}", message.subject, message.headers);
            found.push((name.clone(), message.subject.to_string(), text));
        })
        .await
        .unwrap();
    }
    found
}

/// Files below `dir` that hold a secret, but for those of the store, and for mails that are written where no provider
/// is configured.
fn files(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("jetstream") && !path.ends_with("outbox") {
                files(&path, found);
            }
            continue;
        }
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        found.extend(
            SECRETS.iter().filter(|it| text.contains(**it)).map(|it| format!("{it} in {path:?}")),
        );
    }
}

/// Persons through every way in: good, duplicate, conflict, invalid, and a guest.
fn send_all(up: &Up, publish: impl Fn(&Value)) {
    // Good ones, in every form; by numbers that are addresses as well.
    publish(&order("json", &person("c1")));
    publish(&order("email", &person("zaphodia@example.org")));
    publish(&order("phone", &json!("+441632960123")));
    publish(
        &json!({"specversion": "1.0", "id": "e1", "source": "/shop", "type": "orderflow.raw.v1",
        "data": order("event", &person("c2"))}),
    );
    let (status, body) =
        up.send("POST", "/function/order-ingest", &order("http", &person("c1")).to_string());
    assert_eq!(status, 201, "{body}");
    // A duplicate, a conflict, one that is invalid, and a guest.
    publish(&order("json", &person("c1")));
    let mut other = person("c1");
    other["name"] = "Zaphodia Other".into();
    publish(&order("json", &other));
    let mut invalid = person("c1");
    invalid["phone"] = "441632960".into();
    invalid["email"] = "zaphodia".into();
    publish(&order("invalid", &invalid));
    publish(&order("guest", &json!({"name": "Zaphodia Guest"})));
    let (status, body) =
        up.send("POST", "/function/order-ingest", &order("bad", &invalid).to_string());
    assert_eq!(status, 422, "{body}");
}

/// Waits until each person of [`send_all`] was told, of the cancellation as well, in files.
fn all_are_told(up: &Up) {
    eventually("all are told, and of the cancellation as well", || {
        let told = up.json(&["notify", "list", "--state", "sent", "--limit", "100"]);
        let of = |order: &str| {
            told["deliveries"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| it["subject"].as_str().unwrap().ends_with(order))
                .count()
        };
        // Each by mail and by SMS.
        of(".json") == 4 && of(".email") == 2 && of(".event") == 2 && of(".http") == 2
    });
    let files = fs::read_dir(up.dir.path().join("data/outbox")).unwrap();
    let files =
        files.filter(|it| !it.as_ref().unwrap().file_name().as_encoded_bytes().starts_with(b"."));
    assert_eq!(files.count(), 10, "one for each");
}

#[test]
fn persons_are_in_the_places_of_the_table_and_nowhere_else() {
    let up = Up::start(&["--processes"]);
    let url = nats_url(&up);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nats = runtime.block_on(Nats::connect(&url, "test", false)).unwrap();
    let publish = |body: &Value| {
        let message = Outgoing::new(subject::ORDERS.to_owned(), body.to_string().into());
        runtime.block_on(one(&nats, &message, None)).unwrap();
    };
    send_all(&up, publish);
    let waited = up.orderflow(&["wait", "--timeout", "60s"]);
    assert!(waited.status.success(), "{waited:?}");
    let cancelled = up.orderflow(&["orders", "cancel", "DIRECT", "json"]);
    assert!(cancelled.status.success(), "{cancelled:?}");
    up.orderflow(&["wait", "--timeout", "60s"]);
    // Cards are there, and people find them.
    eventually("all cards", || {
        let listed = up.json(&["customers", "list", "--name", "zaphodia"]);
        listed["customers"].as_array().unwrap().len() == 3
    });
    all_are_told(&up);
    let shown = up.json(&["customers", "show", "DIRECT/c1"]);
    assert_eq!(shown["card"]["phone"], "+441632960123");
    assert_eq!(shown["history"]["totals"]["EUR"]["orders"], 1, "one is cancelled: {shown}");
    let set = up.orderflow(&["customers", "set", "DIRECT/c1", "opt_outs=sms", "billing.city=Graz"]);
    assert!(set.status.success(), "{set:?}");

    let mut places = vec![false; PLACES.len()];
    let check = |places: &mut Vec<bool>| {
        for (stream, subject, text) in runtime.block_on(everything(&nats)) {
            let Some(secret) = SECRETS.iter().find(|secret| text.contains(**secret)) else {
                continue;
            };
            let place = PLACES
                .iter()
                .position(|(name, filter)| *name == stream && subject::matches(filter, &subject));
            let place =
                place.unwrap_or_else(|| panic!("{secret} on {subject} of {stream}: {text}"));
            places[place] = true;
        }
    };
    check(&mut places);
    assert!(places.iter().all(|place| *place), "a place of the table is not used: {places:?}");
    let mut found = Vec::new();
    files(up.dir.path(), &mut found);
    assert_eq!(found, [""; 0]);

    // Erased: nothing is left.
    let erased = up.json(&["customers", "erase", "DIRECT/c1", "--yes"]);
    assert!(erased["stays"].to_string().contains("partner's folder"), "{erased}");
    let left = |id: &str| {
        let all = runtime.block_on(everything(&nats));
        let about = all.into_iter().filter(|(_, _, text)| {
            text.contains(&format!("zaphodia.{}@", id.len())) && text.contains(&format!("\"{id}\""))
        });
        about.map(|(stream, subject, _)| format!("{stream} {subject}")).collect::<Vec<_>>()
    };
    assert_eq!(left("c1"), [""; 0]);
    assert!(
        up.orderflow(&["customers", "show", "DIRECT/c1"]).status.success(),
        "its orders are known"
    );
}

#[test]
fn killed_again_and_again_order_ingest_places_each_order_with_its_person() {
    const ORDERS: usize = 300;
    let up = Up::start(&["--processes"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nats = runtime.block_on(Nats::connect(&nats_url(&up), "test", false)).unwrap();
    for n in 0..ORDERS {
        let customer = json!({"id": format!("c{}", n % 7), "name": format!("Name {n}")});
        let body = order(&n.to_string(), &customer).to_string();
        let message = Outgoing::new(subject::ORDERS.to_owned(), body.into());
        runtime.block_on(one(&nats, &message, None)).unwrap();
        if n % 100 == 50 {
            kill("-9", up.pid_of("order-ingest"));
        }
    }
    let waited = up.orderflow(&["wait", "--timeout", "120s"]);
    assert!(waited.status.success(), "{waited:?}");
    let all = runtime.block_on(everything(&nats));
    let of = |stream: &str, subjects: &str| {
        let of = |(name, subject, _): &&(String, String, String)| {
            name == stream && subject::matches(subjects, subject)
        };
        all.iter().filter(of).collect::<Vec<_>>()
    };
    let said = of("KV_PERSONS", "$KV.PERSONS.order.>");
    let placed = of("ORDERS", "orders.placed.>");
    assert_eq!((placed.len(), said.len(), of("ERRORS", ">").len()), (ORDERS, ORDERS, 0));
    for (_, subject, text) in placed {
        let id = subject.rsplit('.').next().unwrap();
        let (_, key, kept) = said.iter().find(|it| it.1.contains(&format!(".{id}."))).unwrap();
        assert!(kept.contains(&format!("Name {id}\"")), "{kept}");
        assert!(text.contains(key.rsplit('.').next().unwrap()), "{text} does not name {key}");
    }
}
