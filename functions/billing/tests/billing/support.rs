//! A server, the function on it, orders that were decided, and what the connector brings.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use billing::{NAME, RIGHTS};
use chrono::{DateTime, Datelike as _, Utc};
use domain::inventory::{Body as Decision, Identity, Outcome, Returned, Verdict};
use domain::invoice::{Balance, Document};
use domain::order::{Amends, Order, Terms};
use domain::person::Person;
use domain::stock::Refusal;
use domain::{Kind, OrderId, PartnerId, WarehouseId, raw};
use http_body_util::BodyExt as _;
use messaging::persons::{self, Said};
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, Stage};
use messaging::{Event, Nats, events, streams, tail};
use runtime::Env;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use state::journal::{BoundKey, Command, Place, position};
use std::convert::Infallible;
use std::path::Path;
use stock::InventoryJournal;
use testkit::cluster::Cluster;
use testkit::history::{History, Message, Options, Rule};
use testkit::nats::Server;
use tower::ServiceExt as _;

pub(crate) const FILTER: &str = "orders.*.main.>";

/// Two sellers with prices of both kinds; the second has two warehouses.
pub(crate) const PARTNERS: &str = "
partners:
  NET: {currency: EUR, seller: NET, warehouse: main}
  WEST: {currency: EUR, seller: NET, warehouse: west}
  NOBODY: {currency: EUR}
sellers:
  ACME:
    name: Acme SARL
    address: {street: 1 rue de la Paix, postcode: '75002', city: Paris, country: FR}
    vat-number: FR40303265045
    currency: EUR
    time-zone: Europe/Paris
    prices: gross
    series-prefix: A
    language: fr
  NET:
    name: Net SARL
    address: {street: 1 rue de la Paix, postcode: '75002', city: Paris, country: FR}
    vat-number: FR40303265045
    currency: EUR
    time-zone: Europe/Paris
    prices: net
    series-prefix: N
    language: fr
direct: {seller: ACME}
tax-rates:
  FR:
    standard: [{percent: 20, valid-from: 2014-01-01}]
";

/// The function's own settings, beside its secrets.
pub(crate) async fn build(url: String, partners: &Path) -> Router {
    let partners = partners.display().to_string();
    let mut env = Env::from_pairs([("ORDERFLOW_NATS_URL", url), ("ORDERFLOW_PARTNERS", partners)])
        .with_secret("connector-token", "connector")
        .with_secret("api-token-read", "read")
        .with_secret("api-token-partner-NET", "net")
        .with_secret("api-token-admin", "admin");
    billing::build(&mut env).await.unwrap().into_router()
}

pub(crate) struct World<S = Server> {
    pub(crate) server: S,
    pub(crate) nats: Nats,
    pub(crate) router: Router,
    pub(crate) folder: tempfile::TempDir,
    url: String,
    stock: InventoryJournal,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::with_rights(NAME, &RIGHTS);
        let url = server.url();
        let of_billing = server.url_of(NAME);
        Self::on(server, &url, of_billing, 1).await
    }

    /// Other processes, which know only what is stored.
    pub(crate) async fn start_again(&mut self) {
        let partners = self.folder.path().join("partners.yml");
        self.router = build(self.server.url_of(NAME), &partners).await;
        self.stock = stock::journal(&self.nats, &WarehouseId::main());
    }
}

impl World<Cluster> {
    pub(crate) async fn of_three(program: Option<&Path>) -> Self {
        let server = Cluster::of_with_rights(program, NAME, &RIGHTS);
        let url = server.url();
        let of_billing = server.url_of(NAME);
        Self::on(server, &url, of_billing, 3).await
    }
}

impl<S> World<S> {
    async fn on(server: S, url: &str, of_billing: String, copies: usize) -> Self {
        let nats = Nats::connect(url, "test", false).await.unwrap();
        testkit::streams::make(&nats, streams::Settings::copies(copies)).await;
        let folder = tempfile::tempdir().unwrap();
        let partners = folder.path().join("partners.yml");
        std::fs::write(&partners, PARTNERS).unwrap();
        let router = build(of_billing, &partners).await;
        let stock = stock::journal(&nats, &WarehouseId::main());
        Self { server, nats, router, folder, url: url.to_owned(), stock }
    }

    /// Replaces a text of the configuration. The function reads it within seconds.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        assert!(PARTNERS.contains(from), "{from}");
        let file = self.folder.path().join("partners.yml");
        std::fs::write(file, PARTNERS.replace(from, to)).unwrap();
    }

    async fn publish(&self, message: &Outgoing) -> u64 {
        match publish::one(&self.nats, message, None).await.unwrap() {
            Published::Stored(sequence) => sequence,
            Published::Occupied => panic!("{} is occupied", message.subject),
        }
    }

    /// Places an order, with what it says of a person.
    pub(crate) async fn place(&self, order: &Order, person: Option<Person>) -> u64 {
        let Order { warehouse, partner, order_id, .. } = order;
        let subject = subject::order(Stage::Placed, warehouse, partner, order_id);
        let id = format!("{order_id}:{}", order.attempt);
        let event = Event::new(id, "/test", events::ORDER_PLACED, &subject, order);
        let mut message = Outgoing::new(subject, event.to_bytes());
        if let Some(person) = person {
            let said = Said {
                partner: partner.clone(),
                order_id: order_id.clone(),
                customer: order.customer.as_ref().map(|customer| customer.id.clone()),
                number: None,
                vip: false,
                region: None,
                ordered_at: order.ordered_at,
                person,
            };
            self.publish(&persons::message(&said, "digest")).await;
            message = message.header("Orderflow-Person", "digest");
        }
        self.publish(&message).await
    }

    /// Decides a message as order-processor does: with the facts of a real journal.
    pub(crate) async fn decided(&self, sequence: u64, order: &Order, verdict: Verdict) {
        let (partner, order_id) = (order.partner.clone(), order.order_id.clone());
        let (kind, attempt) = (order.kind, order.attempt);
        let order = RawValue::from_string(serde_json::to_string(order).unwrap()).unwrap();
        let outcome = Outcome {
            sequence,
            order: Some(order),
            id: Some(Identity { partner, order_id, kind, attempt, file: None }),
            verdict,
            in_force: None,
        };
        // Under a key: an append whose answer is lost is decided again.
        let key = BoundKey::new(&format!("decided-{sequence}"), &"test");
        let decision = Decision::Orders { outcomes: vec![outcome], checked: [].into() };
        let appended =
            self.stock.command(&key, |_| Ok::<_, Infallible>(Command::decision(decision.clone())));
        appended.await.unwrap().unwrap();
    }

    pub(crate) async fn confirm(&self, order: &Order) -> u64 {
        let placed = self.place(order, None).await;
        self.decided(placed, order, Verdict::Confirmed(Vec::new())).await;
        placed
    }

    /// Gives an order the content of `next`, in the place of the attempt in message `placed`.
    pub(crate) async fn amend(&self, next: Order, before: &Order, placed: u64) -> (Order, u64) {
        let Order { attempt, total, .. } = *before;
        let amends = Amends { attempt, placed, decision: "d".into(), total, order: None };
        let next = next.amending(attempt + 1, amends);
        let placed = self.place(&next, None).await;
        let movements = Vec::new();
        self.decided(placed, &next, Verdict::Amended { attempt, movements }).await;
        (next, placed)
    }

    /// Cancels an attempt of an order by the next one.
    pub(crate) async fn cancel(&self, order: &Order) {
        let next = order.again();
        let placed = self.place(&next, None).await;
        let (attempt, movements) = (order.attempt, Vec::new());
        self.decided(placed, &next, Verdict::Cancelled { attempt, movements }).await;
    }

    /// A return that names its sale comes back: pieces of P001.
    pub(crate) async fn give_back(&self, order: &Order, sale: &Order) {
        let placed = self.place(order, None).await;
        let sale = returned(sale, -order.lines[0].quantity);
        self.decided(placed, order, Verdict::Returned { movements: Vec::new(), sale }).await;
    }

    /// Such a return is cancelled.
    pub(crate) async fn cancel_return(&self, order: &Order, sale: &Order) {
        let next = order.again();
        let placed = self.place(&next, None).await;
        let (attempt, movements, sale) = (order.attempt, Vec::new(), returned(sale, 1));
        self.decided(placed, &next, Verdict::ReturnCancelled { attempt, movements, sale }).await;
    }

    /// A cancellation comes too late: the order stays confirmed.
    pub(crate) async fn keep(&self, order: &Order) {
        let next = order.again();
        let placed = self.place(&next, None).await;
        self.decided(placed, &next, Verdict::Kept(Refusal::Unreadable { detail: "x".into() }))
            .await;
    }

    pub(crate) async fn refuse(&self, order: &Order, refusal: Refusal) {
        let placed = self.place(order, None).await;
        self.decided(placed, order, Verdict::Refused(refusal)).await;
    }

    /// What stands on the lane, as the connector sends it.
    pub(crate) async fn batch(&self, after: u64) -> Request<Body> {
        self.lane().await.request(after, usize::MAX)
    }

    /// All that is on the lane.
    pub(crate) async fn lane(&self) -> Lane {
        let mut messages = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let sequence = message.info().unwrap().stream_sequence;
            let mut event: Event = serde_json::from_slice(&message.payload).unwrap();
            let previous = messages.last().map_or(0, |(sequence, _)| *sequence);
            event.sequence = Some(sequence.to_string());
            event.previous = Some(previous.to_string());
            messages.push((sequence, serde_json::to_string(&event).unwrap()));
        };
        tail::read(&self.nats, streams::ORDERS, FILTER, 1, false, each).await.unwrap();
        let place = position(&self.nats, streams::ORDERS, FILTER, Place::End).await.unwrap();
        Lane { messages, identity: place.identity }
    }

    /// Gives all that is there, again and again what was decided before.
    pub(crate) async fn bill(&self) -> u64 {
        let request = self.batch(0).await;
        let (status, body) = send(&self.router, request).await;
        assert_eq!(status, 200, "{body}");
        body["decided_to"].as_u64().unwrap()
    }

    pub(crate) async fn documents(&self) -> Vec<Document> {
        let mut documents: Vec<Document> = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let event: Event<Document> = serde_json::from_slice(&message.payload).unwrap();
            documents.push(event.data.unwrap());
        };
        tail::read(&self.nats, streams::INVOICES, "invoices.issued.>", 1, false, each)
            .await
            .unwrap();
        documents.sort_by(|a, b| a.number.cmp(&b.number));
        documents
    }

    pub(crate) async fn numbers(&self) -> Vec<String> {
        let documents = self.documents().await;
        documents.iter().map(|document| as_of_2026(&document.number)).collect()
    }

    pub(crate) async fn balance(&self, order: &Order) -> Balance {
        let account = (order.partner.clone(), order.order_id.clone());
        invoices::balance(&self.nats, &order.warehouse, &account).await.unwrap().unwrap().0
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let request =
            Request::get(this_year(path)).header(header::AUTHORIZATION, format!("Bearer {token}"));
        send(&self.router, request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, "Bearer admin")
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key);
        send(&self.router, request.body(Body::from(this_year(&body.to_string()))).unwrap()).await
    }

    /// Sends a file of payments.
    pub(crate) async fn pay_file(&self, query: &str, csv: &str) -> (u16, Value) {
        let request = Request::post(format!("/invoices/payments{query}"))
            .header(header::AUTHORIZATION, "Bearer admin")
            .header(header::CONTENT_TYPE, "text/csv");
        send(&self.router, request.body(Body::from(this_year(csv))).unwrap()).await
    }

    /// Chains and journal are whole.
    pub(crate) async fn check(&self) {
        let chains = invoices::verify_chains(&self.nats, "invoices.issued.>").await.unwrap();
        assert_eq!(chains.problems, <[String; 0]>::default());
        let main = WarehouseId::main();
        let found = invoices::verify(&self.nats, &main, DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!((found.problems, found.unsettled), (vec![], 0));
        assert_eq!(self.broken(|_| true).await, <[Rule; 0]>::default());
    }

    /// The rules about documents that the history of the streams breaks, read as if what `keep` is not true of had
    /// been lost. Stock is made up here, so the others do not count.
    pub(crate) async fn broken(&self, keep: impl Fn(&Message<'_>) -> bool) -> Vec<Rule> {
        let history = History::read_where(&self.url, keep).await.unwrap();
        let report = history.check(Options { sent: false });
        let rules = report.violations.into_iter().map(|violation| violation.rule);
        rules.filter(|rule| rule.is_of_documents()).collect()
    }
}

/// Numbers hold the year of issue. Tests write them as of 2026, and so they read them.
pub(crate) fn this_year(text: &str) -> String {
    let year = year();
    text.replace("main-2026-", &format!("main-{year}-")).replace("-C2026-", &format!("-C{year}-"))
}

fn as_of_2026(text: &str) -> String {
    let year = year();
    text.replace(&format!("main-{year}-"), "main-2026-").replace(&format!("-C{year}-"), "-C2026-")
}

#[expect(clippy::disallowed_methods, reason = "the function takes the year from there")]
fn year() -> i32 {
    invoices::day("Europe/Paris", Utc::now()).year()
}

/// Messages of the lane, with their sequences.
pub(crate) struct Lane {
    pub(crate) messages: Vec<(u64, String)>,
    identity: String,
}

impl Lane {
    /// The messages behind `after`, at most so many, as the connector sends them.
    pub(crate) fn request(&self, after: u64, most: usize) -> Request<Body> {
        let new = self.messages.iter().filter(|(sequence, _)| after < *sequence);
        let events: Vec<&str> = new.take(most).map(|(_, event)| event.as_str()).collect();
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
            .header(header::AUTHORIZATION, "Bearer connector")
            .header("orderflow-after", after)
            .header("orderflow-stream", "ORDERS")
            .header("orderflow-stream-identity", &self.identity)
            .header("orderflow-filter", FILTER);
        request.body(Body::from(format!("[{}]", events.join(",")))).unwrap()
    }
}

/// What came back of a sale.
fn returned(sale: &Order, pieces: i64) -> Returned {
    let product = sale.lines[0].product_id.clone();
    Returned {
        order_id: sale.order_id.clone(),
        attempt: sale.attempt,
        placed: 1,
        returned: [(product, pieces)].into(),
        of_shipped: [].into(),
        complete: false,
    }
}

/// Status and body of the answer, null if that is no JSON.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> (u16, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = as_of_2026(&String::from_utf8_lossy(&body));
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// An order of `DIRECT`; a return if the quantity is below zero.
pub(crate) fn order(id: &str, quantity: i64, price: &str) -> Order {
    let json = json!({"order_id": id, "product": "P001", "quantity": quantity, "price": price});
    let at: DateTime<Utc> = "2026-11-30T08:00:00Z".parse().unwrap();
    raw::read(&json, None).unwrap().place(&Terms::direct(), at).unwrap()
}

pub(crate) fn of_partner(partner: &str, order: Order) -> Order {
    Order { partner: PartnerId::parse(partner).unwrap(), ..order }
}

pub(crate) fn back(id: &str, sale: &Order, quantity: i64, price: &str) -> Order {
    let order = order(id, -quantity, price);
    assert_eq!(order.kind, Kind::Return);
    Order { returns: Some(sale.order_id.clone()), partner: sale.partner.clone(), ..order }
}

pub(crate) fn id(text: &str) -> OrderId {
    OrderId::parse(text).unwrap()
}
