//! Who is told of what.

use crate::smtp::Smtp;
use crate::support::{World, ana, given, id, readable, smtp};
use messaging::publish::{self, Outgoing};
use messaging::streams;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::record::{Author, Key, Record, Records, When};

/// A customer's card, as customers writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Card(Value);

impl Record for Card {
    const BUCKET: &'static str = streams::CUSTOMER_CARDS;
    const EVENT: &'static str = messaging::events::CUSTOMER_CHANGED;
    const SUBJECT: &'static str = "customers.changed";
    const STREAM: &'static str = streams::CUSTOMERS;
    const SOURCE: &'static str = "/functions/customers";
}

async fn card(world: &World, customer: &str, card: Value) {
    let cards: Records<Card> = Records::new(world.nats.clone());
    let key = Key::new(["US1", customer]).unwrap();
    let author = Author { by: "test".into(), at: chrono::DateTime::UNIX_EPOCH, key: None };
    let found = cards.get(&key).await.unwrap();
    let when = found.map_or(When::Absent, |found| When::Is(found.revision));
    cards.replace(&key, Card(card), when, &author).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_told_once_in_their_language_whatever_comes_again() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    let other = world.notifier(&smtp(&server)).await;
    let event = given("A 1", ana()).confirmed(&world.nats).await;
    for by in [&notifier, &other, &notifier] {
        by.bring(std::slice::from_ref(&event)).await;
    }
    let delivery = notifier.delivery(id(&event), "mail", &["sent"]).await;
    assert_eq!(delivery["answer"], "250 2.0.0 queued as M0");
    assert_eq!((&delivery["attempts"], &delivery["unknown"]), (&json!(1), &json!(0)));
    other.bring(std::slice::from_ref(&event)).await;
    // One more mail, so that a second one of the first order would have come before it.
    let last = given("A2", ana()).confirmed(&world.nats).await;
    other.bring(&[last]).await;
    let mails = server.taken(2).await;
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["ana@example.org"; 2]);
    let mail = &mails[0];
    let text = readable(&mail.text);
    assert!(
        text.contains("Bonjour Ana Secret,") && text.contains("Merci pour votre commande A 1"),
        "{text}"
    );
    assert!(text.contains("2 x P001  10,00\u{a0}€"), "{text}");
    assert!(text.contains("Content-Type: text/html; charset=utf-8"), "{text}");
    assert!(text.contains("<td style=3D") || text.contains("<td style="), "{text}");
    assert!(
        mail.header("From").is_some_and(|from| from.contains("<shop@shop.example>")),
        "{}",
        mail.text
    );
    assert_eq!(mail.header("Auto-Submitted"), Some("auto-generated"));
    let key = delivery["key"].as_str().unwrap();
    assert_eq!(
        mail.header("Message-ID"),
        Some(format!("<{}.mail@shop.example>", key.get(..32).unwrap()).as_str())
    );
    let told = world.told().await;
    assert_eq!(told[0]["type"], "orderflow.notification.sent.v1");
    assert_eq!(told[0]["data"]["order_id"], "A 1");
    assert!(!told[0].to_string().contains("example.org"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_has_its_text_and_what_is_no_decision_has_none() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    let person = json!({"email": "ann@example.org", "language": "en"});
    let nats = &world.nats;
    let mut events = Vec::new();
    let short =
        json!({"reason": "insufficient_stock", "product": "P001", "requested": 2, "available": 1});
    for (order, kind, is_return, refusal) in [
        ("1", "confirmed", false, Value::Null),
        ("2", "refused", false, short),
        ("3", "refused", false, json!({"reason": "skipped", "detail": "by hand"})),
        ("4", "refused", false, json!({"reason": "cancelled", "attempt": 1})),
        ("5", "confirmed", true, Value::Null),
        (
            "6",
            "refused",
            true,
            json!({"reason": "unreadable", "code": "exceeds_sale", "detail": "x"}),
        ),
        ("7", "refused", true, json!({"reason": "cancelled", "attempt": 1})),
        ("8", "kept", false, json!({"reason": "cancelled", "attempt": 1})),
    ] {
        let mut order = given(order, person.clone());
        order.is_return = is_return;
        events.push(order.decided(nats, kind, refusal).await);
    }
    let mut amended = given("11", person.clone());
    amended.amends = Some("7.50");
    events.push(amended.confirmed(nats).await);
    // A message that anybody may put there: it follows from no decision.
    let mut forged = given("9", person.clone()).confirmed(nats).await;
    let subject = forged["subject"].as_str().unwrap().to_owned();
    let message = Outgoing::new(subject, forged.to_string().into_bytes().into());
    let publish::Published::Stored(sequence) = publish::one(nats, &message, None).await.unwrap()
    else {
        panic!()
    };
    forged["sequence"] = sequence.to_string().into();
    events.push(forged);
    // Nobody is known, and a type of another program.
    events.push(given("10", json!({})).confirmed(nats).await);
    let mut foreign = events[0].clone();
    foreign["type"] = "com.shop.order.confirmed".into();
    events.push(foreign);
    notifier.bring(&events).await;
    let last = given("last", person).confirmed(nats).await;
    notifier.bring(std::slice::from_ref(&last)).await;
    notifier.delivery(id(&last), "mail", &["sent"]).await;
    let mails = server.taken(9).await;
    let mut subjects: Vec<String> =
        mails.iter().map(|mail| mail.header("Subject").unwrap().to_owned()).collect();
    subjects.sort();
    let changed = mails.iter().find(|mail| mail.text.contains("was changed")).unwrap();
    let changed = readable(&changed.text);
    assert!(changed.contains("It came to €7.50 before."), "{changed}");
    assert_eq!(
        subjects,
        [
            "Your order 1 is confirmed",
            "Your order 11 was changed",
            "Your order 2: not in stock",
            "Your order 3 could not be accepted",
            "Your order 4 is cancelled",
            "Your order last is confirmed",
            "Your return 5 has been accepted",
            "Your return 6 could not be accepted",
            "Your return 7 is cancelled",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_says_language_and_silence_and_has_the_address_that_an_order_leaves_out() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    card(
        &world,
        "c1",
        json!({"partner": "US1", "id": "c1", "email": "card@example.org", "language": "es-MX"}),
    )
    .await;
    card(&world, "c2", json!({"partner": "US1", "id": "c2", "opt_outs": ["email"]})).await;
    let silent = given("no", ana());
    let silent = crate::support::Given { customer: Some("c2"), ..silent };
    let from_card = given("A1", json!({}));
    let guest = crate::support::Given {
        customer: None,
        partner: "US2",
        ..given("G1", json!({"email": "guest@example.org"}))
    };
    for order in [&silent, &from_card, &guest] {
        let event = order.confirmed(&world.nats).await;
        notifier.bring(&[event]).await;
    }
    let mails = server.taken(2).await;
    let of =
        |to: &str| mails.iter().find(|mail| mail.to == to).unwrap_or_else(|| panic!("{mails:?}"));
    assert!(readable(&of("card@example.org").text).contains("Gracias por su pedido A1"));
    let german = of("guest@example.org");
    assert!(
        readable(&german.text).contains("vielen Dank für Ihre Bestellung G1"),
        "{}",
        german.text
    );
    assert!(german.header("From").unwrap().contains("<two@two.example>"));
    assert_eq!(mails.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_or_wants_silence_meanwhile_is_not_written_to() {
    let world = World::start().await;
    // Nothing is sent before the greeting.
    let server = Smtp::start(|_, _, _| crate::smtp::Do::Hang).await;
    let port = server.port;
    let settings = smtp(&server);
    let notifier = world.notifier(&settings).await;
    card(&world, "c3", json!({"partner": "US1", "id": "c3"})).await;
    let erased = given("A1", ana());
    let silent = crate::support::Given { customer: Some("c3"), ..given("A2", ana()) };
    let (first, second) =
        (erased.confirmed(&world.nats).await, silent.confirmed(&world.nats).await);
    notifier.bring(&[first.clone(), second.clone()]).await;
    server.reached(crate::smtp::Step::Greeting, 1).await;
    let found =
        messaging::stored::last(&world.nats, "KV_PERSONS", &erased.said()).await.unwrap().unwrap();
    messaging::persons::erase(&world.nats, &erased.said(), found.sequence).await.unwrap();
    card(&world, "c3", json!({"partner": "US1", "id": "c3", "opt_outs": ["email"]})).await;
    drop(notifier);
    drop(server);
    let server = Smtp::on(port, |_, _, _| crate::smtp::Do::Go, None, false).await;
    let notifier = world.notifier(&settings).await;
    let gone = notifier.delivery(id(&first), "mail", &["failed"]).await;
    assert_eq!(gone["answer"], "the customer was erased");
    let silent = notifier.delivery(id(&second), "mail", &["failed"]).await;
    assert_eq!(silent["answer"], "the customer does not want to hear in this way");
    assert_eq!(server.mails(), []);
    assert_eq!(world.told().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_go_to_those_who_run_this_and_only_if_they_are_named() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let silent = world.notifier(&smtp(&server)).await;
    let alert = |n: u8| {
        json!({"specversion": "1.0", "id": format!("alert-{n}"), "source": "/functions/daily-checker",
        "type": "orderflow.alert.file.v1", "subject": "errors.alert.file.US1.2026-11-30", "sequence": "1",
        "data": {"partner": "US1", "date": "2026-11-30", "deadline": "2026-11-30T08:00:00Z", "expected": "daily by 08:00"}})
    };
    silent.bring(&[alert(1)]).await;
    drop(silent);
    let mut settings = smtp(&server);
    settings.push(("ORDERFLOW_ALERTS_TO".into(), "ops@shop.example".into()));
    let notifier = world.notifier(&settings).await;
    notifier.bring(&[alert(2)]).await;
    notifier.delivery("alert-2", "mail", &["sent"]).await;
    let mails = server.mails();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ops@shop.example"));
    assert_eq!(mails[0].header("Subject"), Some("No file from US1 by 2026-11-30T08:00:00Z"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_happened_long_ago() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let mut settings = smtp(&server);
    let event = given("A1", ana()).confirmed(&world.nats).await;
    let late = world
        .notifier(
            &[&settings[..], &[("ORDERFLOW_NOTIFIER_AGE_MAX_HOURS".into(), "0".into())]].concat(),
        )
        .await;
    late.bring(std::slice::from_ref(&event)).await;
    assert_eq!(world.texts(streams::OUTBOX, ">").await, <[&str; 0]>::default());
    settings.push(("ORDERFLOW_NOTIFIER_AGE_MAX_HOURS".into(), "1".into()));
    let notifier = world.notifier(&settings).await;
    notifier.bring(&[event]).await;
    assert_eq!(server.taken(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_a_dead_letter_with_its_field() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    let mut event = given("A1", ana()).confirmed(&world.nats).await;
    event["data"]["placed"] = "seven".into();
    let answered = notifier.try_bring(&[event]).await;
    let failed = &answered.body["failed"][0];
    assert_eq!(failed["retry"], false, "{answered:?}");
    assert!(failed["reason"].as_str().unwrap().starts_with("data: "), "{answered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_messages_are_files() {
    let world = World::start().await;
    let folder = world.dir.path().join("outbox");
    let url = format!("file://{}", folder.display());
    let settings =
        [("ORDERFLOW_SMTP_URL".to_owned(), url.clone()), ("ORDERFLOW_SMS_URL".to_owned(), url)];
    let notifier = world.notifier(&settings).await;
    let person = json!({"name": "Ana", "email": "ana@example.org", "phone": "+33612345678", "language": "fr"});
    let event = given("A/1", person).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&event)).await;
    notifier.delivery(id(&event), "mail", &["sent"]).await;
    notifier.delivery(id(&event), "sms", &["sent"]).await;
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_by_key(|name| name.ends_with(".txt"));
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names[0].starts_with("order_confirmed-A_1-") && names[0].ends_with(".eml"),
        "{names:?}"
    );
    let text = std::fs::read_to_string(folder.join(&names[1])).unwrap();
    assert_eq!(
        text,
        "To: +33612345678\n\nLamps & Co : votre commande A/1 (10,00 €) est confirmée. Merci !\n"
    );
}

/// A fact on a subject of another kind; the event as the connector brings it.
async fn fact(world: &World, kind: &str, subject: &str, data: Value) -> Value {
    let mut event = json!({"specversion": "1.0", "id": format!("D:{subject}"), "source": "/functions/other",
        "type": kind, "subject": subject, "data": data});
    let message = Outgoing::new(subject.to_owned(), event.to_string().into_bytes().into());
    let message = message.header(messaging::header::DECISION_SEQUENCE, "7");
    event["sequence"] = crate::support::stored(&world.nats, &message).await.to_string().into();
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipment_is_told_with_its_carrier() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    let placed = given("A1", ana()).place(&world.nats).await;
    let data = json!({"partner": "US1", "order_id": "A1", "attempt": 1, "placed": placed, "complete": false,
        "shipment": {"number": 1, "products": {"P001": 2}, "carrier": "DHL", "tracking": "JD0146",
            "shipped_at": "2026-12-01T15:00:00Z"}, "shipped": {"P001": 2}});
    let subject = "orders.shipped.main.US1.A1";
    let event = fact(&world, "orderflow.order.shipped.v1", subject, data).await;
    notifier.bring(&[event]).await;
    let mail = server.taken(1).await.remove(0);
    let text = readable(&mail.text);
    assert!(text.contains("Une partie de votre commande A1 est partie le 01/12/2026."), "{text}");
    assert!(
        text.contains("Elle voyage avec DHL, numéro JD0146.") && text.contains("2 x P001"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_goes_with_its_mail_as_pdf() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let notifier = world.notifier(&smtp(&server)).await;
    let placed = given("A1", ana()).place(&world.nats).await;
    let data = json!({
        "number": "F-2026-000042", "kind": "invoice", "issued_on": "2026-12-01", "issued_at": "2026-12-01T10:00:00Z",
        "due_on": "2026-12-31", "currency": "EUR", "decimals": 2, "prices": "net", "layout": 1,
        "supply": {"partner": "US1", "order_id": "A1", "attempt": 1, "placed": placed, "warehouse": "main",
            "ordered_at": "2026-11-30T08:00:00Z", "supplied_on": "2026-12-01"},
        "seller": {"id": "S", "name": "Lamps SARL", "language": "fr", "time_zone": "Europe/Paris",
            "vat_number": "FR40303265045",
            "address": {"street": "1 rue de la Paix", "postcode": "75002", "city": "Paris", "country": "FR"}},
        "buyer": {"customer": "c1", "person": {"name": "Ana Secret"}},
        "lines": [{"product_id": "P001", "quantity": 2, "unit_price": "5.00", "tax": {"code": "S", "percent": "20"}, "net": "10.00", "amount": "10.00"}],
        "taxes": [{"code": "S", "percent": "20", "base": "10.00", "amount": "2.00"}],
        "totals": {"lines": "10.00", "allowances": "0", "charges": "0", "net": "10.00", "tax": "2.00", "gross": "12.00",
            "rounding": "0", "payable": "12.00"},
    });
    let subject = "invoices.issued.main.F-2026-000042";
    let event = fact(&world, "orderflow.invoice.issued.v1", subject, data.clone()).await;
    notifier.bring(std::slice::from_ref(&event)).await;
    let sent = notifier.delivery(id(&event), "mail", &["sent", "waiting", "failed"]).await;
    assert_eq!(sent["state"], "sent", "{sent}");
    let mail = server.taken(1).await.remove(0);
    let text = readable(&mail.text);
    assert!(
        text.contains("Vous trouverez ci-joint la facture F-2026-000042 du 01/12/2026"),
        "{text}"
    );
    assert!(text.contains("TVA  2,00\u{a0}€\r\nTotal  12,00\u{a0}€"), "{text}");
    assert!(mail.text.contains("filename=\"F-2026-000042.pdf\""), "{}", mail.text);
    // `%PDF-1.7` in base64.
    assert!(mail.text.contains("JVBERi0xLj"), "the file is a PDF");
    // What is no invoice is a dead letter, and names the field.
    let mut broken = event;
    broken["data"]["totals"] = "much".into();
    let answered = notifier.try_bring(&[broken]).await;
    assert_eq!(answered.body["failed"][0]["retry"], false, "{answered:?}");
}
