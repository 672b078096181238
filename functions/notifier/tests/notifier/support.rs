//! A notifier on a real server, and events as the connector brings them.

use crate::smtp::Smtp;
use domain::person::Person;
use domain::{CustomerId, OrderId, PartnerId, WarehouseId};
use messaging::persons::{self, Said};
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, Stage, token};
use messaging::{Nats, header, streams, tail};
use runtime::{Env, Function, Server, ServerSettings};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::served::Answered;

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
const PARTNERS: &str = "partners:\n  US1: {currency: EUR, time-zone: Europe/Paris, notify: {name: Lamps & Co}}\n  US2: \
                        {currency: EUR, notify: {from: 'Two <two@two.example>', language: de, sms: false}}\n";

/// A function at work; dropping it ends it between any two steps.
pub(crate) struct Served(testkit::served::Served);

impl Served {
    pub(crate) async fn of(function: Function) -> Self {
        let server = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
        let at = server.traffic_addr();
        let serving = async move { server.serve(std::future::pending()).await.unwrap() };
        Self(testkit::served::Served::start(at, serving))
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        (token, kind): (&str, &str),
        body: &str,
    ) -> Answered {
        let kind = format!("content-type: {kind}\r\n");
        self.0.send(method, path, (token, &kind), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, ("read", "application/json"), "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answered {
        self.send("POST", path, ("admin", "application/json"), &body.to_string()).await
    }

    /// Brings events, as the connector does; all have to be done.
    pub(crate) async fn bring(&self, events: &[Value]) {
        let answered = self.try_bring(events).await;
        assert!(answered.status == 200 && answered.body["failed"] == json!([]), "{answered:?}");
    }

    pub(crate) async fn try_bring(&self, events: &[Value]) -> Answered {
        let kind = ("connector", runtime::events::BATCH_JSON);
        self.send("POST", "/", kind, &json!(events).to_string()).await
    }

    /// The delivery of an event on a channel, when its state is one of these.
    pub(crate) async fn delivery(&self, event: &str, channel: &str, states: &[&str]) -> Value {
        let path = format!("/deliveries?lane={channel}&event={event}");
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let answered = self.get(&path).await;
            let found = &answered.body["deliveries"][0];
            if states.iter().any(|state| found["state"] == *state) {
                return found.clone();
            }
            assert!(Instant::now() < until, "no {states:?} within 60 s: {answered:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) struct World {
    pub(crate) server: testkit::nats::Server,
    pub(crate) nats: Nats,
    pub(crate) dir: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.server.refusals(), <[&str; 0]>::default(), "rights that are missing");
        }
    }
}

/// Settings of a notifier that sends to this mail server.
pub(crate) fn smtp(smtp: &Smtp) -> Vec<(String, String)> {
    let url = format!("smtp://127.0.0.1:{}?tls=none", smtp.port);
    [("ORDERFLOW_SMTP_URL", url.as_str()), ("ORDERFLOW_SMS_URL", "none")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

pub(crate) async fn setup(nats: &Nats, replicas: usize) {
    let settings = streams::Settings { replicas: Some(replicas), ..streams::Settings::default() };
    testkit::streams::make(nats, settings).await;
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = testkit::nats::Server::with_rights(notifier::NAME, &notifier::RIGHTS);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        setup(&nats, 1).await;
        Self { server, nats, dir: tempfile::tempdir().unwrap() }
    }

    /// All settings, with these.
    pub(crate) fn pairs(&self, more: &[(String, String)]) -> Vec<(String, String)> {
        let url = self.server.url_of(notifier::NAME);
        pairs(&url, &self.dir, more)
    }

    pub(crate) async fn notifier(&self, more: &[(String, String)]) -> Served {
        serve(self.pairs(more)).await
    }

    /// What a stream holds under a filter: subject, headers and payload as text.
    pub(crate) async fn texts(&self, stream: &str, filter: &str) -> Vec<String> {
        let mut found = Vec::new();
        tail::read(&self.nats, stream, filter, 1, false, |message| {
            let payload = String::from_utf8_lossy(&message.payload);
            found.push(format!("{} {:?} {payload}", message.subject, message.headers));
        })
        .await
        .unwrap();
        found
    }

    /// What was told of notifications, by subject.
    pub(crate) async fn told(&self) -> Vec<Value> {
        let mut found = Vec::new();
        tail::read(&self.nats, streams::NOTIFICATIONS, "notifications.>", 1, false, |message| {
            found.push(serde_json::from_slice(&message.payload).unwrap());
        })
        .await
        .unwrap();
        found
    }
}

pub(crate) fn pairs(
    url: &str,
    dir: &tempfile::TempDir,
    more: &[(String, String)],
) -> Vec<(String, String)> {
    let partners = dir.path().join("partners.yml");
    std::fs::write(&partners, PARTNERS).unwrap();
    let own = [
        ("ORDERFLOW_NATS_URL", url.to_owned()),
        ("ORDERFLOW_PARTNERS", partners.display().to_string()),
        ("ORDERFLOW_MAIL_FROM", "Shop <shop@shop.example>".to_owned()),
        ("ORDERFLOW_NOTIFIER_TIMEOUT_SECONDS", "2".to_owned()),
    ];
    let mut pairs: Vec<(String, String)> =
        own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    pairs.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    pairs.extend(more.iter().cloned());
    pairs
}

/// The secrets of a notifier.
pub(crate) const SECRETS: [(&str, &str); 4] = [
    ("connector-token", "connector"),
    ("api-token-read", "read"),
    ("api-token-admin", "admin"),
    (persons::SECRET, KEY),
];

pub(crate) async fn serve(pairs: Vec<(String, String)>) -> Served {
    let env = Env::from_pairs(pairs);
    let mut env = SECRETS.iter().fold(env, |env, (name, text)| env.with_secret(name, text));
    Served::of(notifier::build(&mut env).await.unwrap()).await
}

/// An order with its person, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) id: String,
    pub(crate) partner: &'static str,
    pub(crate) customer: Option<&'static str>,
    pub(crate) person: Value,
    pub(crate) is_return: bool,
    /// What the attempt came to whose place it takes.
    pub(crate) amends: Option<&'static str>,
}

pub(crate) fn given(id: &str, person: Value) -> Given {
    let (id, customer) = (id.to_owned(), Some("c1"));
    Given { id, partner: "US1", customer, person, is_return: false, amends: None }
}

/// Ana of France.
pub(crate) fn ana() -> Value {
    json!({"name": "Ana Secret", "email": "ana@example.org", "language": "fr"})
}

impl Given {
    fn subject(&self, stage: Stage) -> String {
        let (partner, order) = self.names();
        subject::order(stage, &WarehouseId::main(), &partner, &order)
    }

    fn names(&self) -> (PartnerId, OrderId) {
        (PartnerId::parse(self.partner).unwrap(), OrderId::parse(&self.id).unwrap())
    }

    /// Where what it says of the person is kept.
    pub(crate) fn said(&self) -> String {
        let (partner, order) = self.names();
        let customer = self.customer.map(|id| CustomerId::parse(id).unwrap());
        persons::subject(&partner, customer.as_ref(), &order, "k-1")
    }

    /// Places it, as order-ingest does; its sequence.
    pub(crate) async fn place(&self, nats: &Nats) -> u64 {
        let (partner, order_id) = self.names();
        let customer = self.customer.map(|id| CustomerId::parse(id).unwrap());
        let person: Person = serde_json::from_value(self.person.clone()).unwrap();
        let mut placed = Outgoing::new(self.subject(Stage::Placed), b"{}".to_vec().into());
        if let Some(id) = &customer {
            placed = placed.header(header::CUSTOMER, &token(id.as_str()));
        }
        if !person.is_empty() {
            let ordered_at = "2026-11-30T08:00:00Z".parse().unwrap();
            let (number, vip, region) = (None, false, None);
            let said =
                Said { partner, order_id, customer, number, vip, region, ordered_at, person };
            publish::one(nats, &persons::message(&said, "k-1"), None).await.unwrap();
            placed = placed.header(header::PERSON, "k-1");
        }
        stored(nats, &placed).await
    }

    /// Places and decides it; the event as the connector brings it.
    pub(crate) async fn decided(&self, nats: &Nats, kind: &str, refusal: Value) -> Value {
        let placed = self.place(nats).await;
        self.fact(nats, placed, kind, refusal).await
    }

    pub(crate) async fn fact(&self, nats: &Nats, placed: u64, kind: &str, refusal: Value) -> Value {
        let stage = if kind == "refused" { Stage::Refused } else { Stage::Confirmed };
        let (sign, word) = if self.is_return { (-1, "return") } else { (1, "sale") };
        let order = json!({
            "order_id": self.id, "partner": self.partner, "kind": word, "ordered_at": "2026-11-30T08:00:00Z",
            "currency": "EUR", "lines": [{"product_id": "P001", "quantity": 2 * sign, "unit_price": "5.00"}],
            "total": if self.is_return { "-10.00" } else { "10.00" },
        });
        let mut order = order;
        if let Some(total) = self.amends {
            order["amends"] = json!({"attempt": 1, "placed": 1, "decision": "d", "total": total});
        }
        let mut data = json!({"partner": self.partner, "order_id": self.id, "kind": word, "attempt": 1, "placed": placed,
            "order": order});
        if !refusal.is_null() {
            data["refusal"] = refusal;
        }
        let subject = self.subject(stage);
        let mut event = json!({"specversion": "1.0", "id": format!("D{placed}:{}", self.id.replace(' ', "-")),
            "source": "/functions/order-processor", "type": format!("orderflow.order.{kind}.v1"), "subject": subject,
            "partner": self.partner, "data": data});
        let fact = Outgoing::new(subject, event.to_string().into_bytes().into());
        let fact = fact.header(header::DECISION_SEQUENCE, "7");
        event["sequence"] = stored(nats, &fact).await.to_string().into();
        event
    }

    pub(crate) async fn confirmed(&self, nats: &Nats) -> Value {
        self.decided(nats, "confirmed", Value::Null).await
    }
}

pub(crate) async fn stored(nats: &Nats, message: &Outgoing) -> u64 {
    match publish::one(nats, message, None).await.unwrap() {
        Published::Stored(sequence) => sequence,
        Published::Occupied => panic!("{} is occupied", message.subject),
    }
}

/// The id of an event.
pub(crate) fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

/// Quoted-printable text of a mail, as people read it.
pub(crate) fn readable(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits: Vec<u8> =
            if byte == b'=' { rest.clone().take(2).collect() } else { Vec::new() };
        let digits = std::str::from_utf8(&digits).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(value) if digits.len() == 2 => {
                bytes.push(value);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
