//! Personal data in the whole pipeline: where it is, and where not.

use std::collections::BTreeSet;
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

/// Files below `dir` that hold a secret, but for those of the store, what a partner sent (its files, and the lines of
/// them that were rejected as they came), and mails that are written where no provider is configured.
fn files(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let is = |end: &str| path.to_str().unwrap().ends_with(end);
        if path.is_dir() {
            let apart = ["jetstream", "archive", "quarantine", "outbox"];
            if !apart.iter().any(|name| path.ends_with(name)) {
                files(&path, found);
            }
            continue;
        }
        if is(".rejects.csv") {
            continue;
        }
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        // The number of a customer, which may be an e-mail address, is part of the output.
        let is_number = |secret: &str| secret == "zaphodia" && is(".output.csv");
        let secrets = SECRETS.iter().filter(|it| text.contains(**it) && !is_number(it));
        found.extend(secrets.map(|it| format!("{it} in {path:?}")));
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

/// The places of the table that hold a secret; nothing else does.
fn places(everything: &[(String, String, String)]) -> BTreeSet<(&'static str, &'static str)> {
    let mut used = BTreeSet::new();
    for (stream, subject, text) in everything {
        let Some(secret) = SECRETS.iter().find(|secret| text.contains(**secret)) else { continue };
        let is_here =
            |(name, filter): &&(&str, &str)| name == stream && subject::matches(filter, subject);
        let place = PLACES.iter().find(is_here);
        used.insert(*place.unwrap_or_else(|| panic!("{secret} on {subject} of {stream}: {text}")));
    }
    used
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
    let cancelled = up.orderflow(&["orders", "cancel", "DIRECT", "json", "--yes"]);
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

    let used = places(&runtime.block_on(everything(&nats)));
    assert_eq!(used.len(), PLACES.len(), "a place of the table is not used: {used:?}");
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

/// A partner whose files say who buys.
const PARTNERS: &str = "partners:
  SHOP:
    currency: EUR
    stock: ignore
    rules: {customer-required: false}
    file:
      columns: {order-id: order, product-id: sku, quantity: qty, unit-price: price, ordered-at: day, customer-id: who,
        name: name, email: mail, phone: phone, company: firm, vat-number: vat,
        billing: {street: street, city: city, country: land}}
";
/// How many persons come in each of four ways.
const EACH: usize = 250;

fn nth(id: &str, n: usize) -> Value {
    let mut person = person(id);
    person["email"] = format!("zaphodia.{id}@example.org").into();
    person["phone"] = format!("+441632960{n:03}").into();
    person
}

/// A file of so many orders of two rows, the second of which says who buys; then rows of which each is wrong.
fn file() -> String {
    let mut file =
        "order,sku,qty,price,day,who,name,mail,phone,firm,vat,street,city,land\n".to_owned();
    let mut row = |order: &str, sku: &str, who: &str, said: &str| {
        file += &format!("{order},{sku},1,1,2026-01-01,{who},{said}\n");
    };
    for n in 0..EACH {
        let id = format!("f{n}");
        // Guests, and numbers that are e-mail addresses.
        let who = match n % 10 {
            1 => String::new(),
            2 => format!("zaphodia.{id}@example.org"),
            _ => id.clone(),
        };
        let said = format!(
            "Zaphodia Beeb,zaphodia.{id}@example.org,+44 1632 960{n:03},Zaphodia Ltd,LU87654321,Geheimgasse 1,Wien,at"
        );
        row(&id, "X001", &who, ",,,,,,,");
        row(&id, "X002", &who, &said);
    }
    for (id, said) in [
        ("w1", "Zaphodia,zaphodia,,,,,,"),
        ("w2", "Zaphodia,,01632 441632960,,,,,"),
        ("w3", "Zaphodia,,,,,Geheimgasse 1,Wien,Zaphodia"),
        ("w4", "Zaphodia,,,,,Geheimgasse 1,Wien,"),
        ("w5", "Zaphodia,,,,,,,"),
        ("w5", "Zaphodia Beeb,,,,,,,"),
    ] {
        row(id, "X001", "w", said);
    }
    file
}

/// Persons by the subject `orders`, as bare JSON and as events, and by HTTP.
fn send_by_message_and_http(up: &Up, runtime: &tokio::runtime::Runtime, nats: &Nats) {
    let publish = |body: &Value| {
        let message = Outgoing::new(subject::ORDERS.to_owned(), body.to_string().into());
        runtime.block_on(one(nats, &message, None)).unwrap();
    };
    for n in 0..EACH {
        let [by_subject, by_event, by_http] = ["s", "e", "h"].map(|way| format!("{way}{n}"));
        publish(&order(&by_subject, &nth(&by_subject, n)));
        publish(
            &json!({"specversion": "1.0", "id": by_event, "source": "/shop", "type": "orderflow.raw.v1",
            "data": order(&by_event, &nth(&by_event, n))}),
        );
        let body = order(&by_http, &nth(&by_http, n)).to_string();
        let (status, answer) = up.send("POST", "/function/order-ingest", &body);
        assert_eq!(status, 201, "{answer}");
    }
}

#[test]
fn a_thousand_persons_by_file_http_event_and_subject_are_in_the_places_of_the_table_only() {
    let outside = tempfile::tempdir().unwrap();
    let of = |name: &str, text: &str| {
        let path = outside.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let partners = of("partners.yml", PARTNERS);
    let up = Up::start(&["--processes", "--partners", &partners]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nats = runtime.block_on(Nats::connect(&nats_url(&up), "test", false)).unwrap();
    send_by_message_and_http(&up, &runtime, &nats);
    for (name, text) in [
        ("a.csv", file()),
        // The same orders with another person are conflicts; a file without a header is refused.
        ("b.csv", file().replace("Zaphodia Beeb", "Zaphodia Other")),
        ("c.csv", file().lines().skip(1).collect::<Vec<_>>().join("\n")),
    ] {
        up.json(&["send", &of(name, &text), "--partner", "SHOP", "--name", name]);
        assert_eq!(up.json(&["check"])["found"], 1);
        let waited = up.orderflow(&["wait", "--timeout", "180s"]);
        assert!(waited.status.success(), "{waited:?}");
    }
    let depot = up.dir.path().join("data/sftp/SHOP/depot");
    let text = |end: &str| {
        let names =
            fs::read_dir(&depot).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        let name =
            names.into_iter().find(|name| name.starts_with("a.") && name.ends_with(end)).unwrap();
        fs::read_to_string(depot.join(name)).unwrap()
    };
    let rejects = text(".rejects.csv");
    for rule in [
        "bad_email",
        "bad_phone",
        "bad_country",
        "order_address_incomplete",
        "order_persons_differ",
    ] {
        assert!(rejects.contains(rule), "{rule}: {rejects}");
    }
    let decisions = text(".decisions.csv");
    let confirmed = decisions.lines().filter(|line| line.contains(",confirmed,")).count();
    assert_eq!(confirmed, EACH, "{decisions}");
    let all = runtime.block_on(everything(&nats));
    let placed = all.iter().filter(|(stream, _, _)| stream == "KV_PERSONS");
    let placed = placed
        .filter(|(_, subject, text)| subject.contains(".order.") && text.contains("zaphodia."));
    assert_eq!(placed.count(), 4 * EACH);
    places(&all);
    let mut found = Vec::new();
    files(up.dir.path(), &mut found);
    assert_eq!(found, [""; 0]);

    // Erased: nothing of this one is left but in the partner's folder.
    eventually("the card", || up.orderflow(&["customers", "show", "SHOP/f7"]).status.success());
    // On a busy machine an answer may not come in time; the same again is safe, and may find nothing any more.
    eventually("it is erased", || {
        let erased = up.orderflow(&["customers", "erase", "SHOP/f7", "--yes"]);
        matches!(erased.status.code(), Some(0 | 4))
    });
    let left = |what: &str| {
        let all = runtime.block_on(everything(&nats));
        let left = all.into_iter().filter(|(_, _, text)| text.contains(what));
        left.map(|(stream, subject, _)| format!("{stream} {subject}")).collect::<Vec<_>>()
    };
    assert_eq!(left("zaphodia.f7@"), [""; 0]);
    assert_ne!(left("zaphodia.f8@"), [""; 0], "others stay");
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
