//! Streams after a run, made by real code, and ways to damage them.

use chrono::DateTime;
use domain::inventory::{Body, Confirmed, Input, Lookup, Outcome, State};
use domain::order::{Amends, Cancels, Terms, amend::Amending};
use domain::{PartnerId, ProductId, WarehouseId, raw};
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, OrderSubject, Stage};
use messaging::{Event, Nats, header, stored, streams, tail};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use state::journal::{BoundKey, Command, Decide, Entry, Position, View};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use stock::InventoryJournal;
use testkit::history::{History, Message, Options, Report, Rule};
use testkit::nats::Server;

/// Orders of a run; more of P002 than there is in stock, so that some are refused.
const ORDERS: usize = 300;

pub(crate) struct Run {
    pub(crate) server: Server,
    pub(crate) nats: Nats,
}

pub(crate) struct Order {
    pub(crate) sequence: u64,
    pub(crate) previous: u64,
    pub(crate) subject: String,
    pub(crate) event: Event<Box<RawValue>>,
}

impl Run {
    /// Streams as created by setup, without messages.
    pub(crate) async fn empty() -> Self {
        let server = Server::start();
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        Self { server, nats }
    }

    /// A few hundred orders, sent, placed, and decided by two racing journals.
    pub(crate) async fn whole() -> Self {
        let run = Self::empty().await;
        for number in 0..ORDERS {
            run.send_and_place(number).await;
        }
        let (a, b) = (run.journal(), run.journal());
        let a = Box::pin(run.decide(&a, 7));
        let b = Box::pin(run.decide(&b, 11));
        let (a, b) = tokio::join!(a, b);
        assert!(a + b > 10, "{a} and {b} appends");
        Box::pin(run.set_stock(&[("P002", 1000), ("P009", 5)])).await;
        run.send_and_place(ORDERS).await;
        Box::pin(run.decide(&run.journal(), 10)).await;
        run
    }

    pub(crate) fn journal(&self) -> InventoryJournal {
        stock::journal(&self.nats, &WarehouseId::main())
    }

    pub(crate) async fn publish(&self, subject: &str, payload: impl Into<bytes::Bytes>) -> u64 {
        let message = Outgoing::new(subject.into(), payload.into());
        let Published::Stored(sequence) = publish::one(&self.nats, &message, None).await.unwrap()
        else {
            panic!("{subject} is occupied")
        };
        sequence
    }

    pub(crate) async fn send_and_place(&self, number: usize) -> u64 {
        let json = order(number);
        let sent = self.publish(subject::ORDERS, json.to_string()).await;
        self.place(&json, &format!("INTAKE:{sent}")).await
    }

    /// Places an order like order-ingest does.
    pub(crate) async fn place(&self, json: &Value, event_id: &str) -> u64 {
        let draft = raw::read(json, None).unwrap();
        let content = draft.content();
        let order = draft.place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
        let (main, direct) = (WarehouseId::main(), PartnerId::direct());
        let subject = subject::order(Stage::Placed, &main, &direct, &order.order_id);
        let event =
            Event::new(event_id.into(), "/test", "orderflow.order.placed.v1", &subject, order);
        let message = Outgoing::new(subject, event.to_bytes())
            .header(header::CONTENT, &content)
            .header(header::EVENT, &subject::token(event_id))
            .header(header::ATTEMPT, "1");
        let Published::Stored(sequence) =
            publish::one(&self.nats, &message, Some(0)).await.unwrap()
        else {
            panic!("it was placed before")
        };
        sequence
    }

    pub(crate) async fn placed(&self) -> Vec<Order> {
        let mut orders: Vec<Order> = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            orders.push(Order {
                sequence: message.info().unwrap().stream_sequence,
                previous: orders.last().map_or(0, |order: &Order| order.sequence),
                subject: message.subject.to_string(),
                event: serde_json::from_slice(&message.payload).unwrap(),
            });
        };
        tail::read(&self.nats, streams::ORDERS, "orders.placed.main.>", 1, false, each)
            .await
            .unwrap();
        orders
    }

    /// Decides placed orders in batches through the real journal; returns how many entries were
    /// appended.
    pub(crate) async fn decide(&self, journal: &InventoryJournal, batch: usize) -> usize {
        let placed = self.placed().await;
        let last = placed.last().map_or(0, |order| order.sequence);
        let mut appends = 0;
        let mut done = 0;
        // Like version 0.1.0, whose journals begin with the sample products.
        let sample = State::seeded().stock;
        while done < last {
            let mut looked = BTreeMap::new();
            for order in &placed {
                looked.insert(order.sequence, self.looked_up(order).await);
            }
            done = journal
                .commit(|view| {
                    let decided_to = view.decided_to.map_or(0, |position| position.sequence);
                    let rest = placed.iter().filter(|order| order.sequence > decided_to);
                    let inputs: Vec<Input<'_>> = rest
                        .take(batch)
                        .map(|order| input(order, looked.get(&order.sequence).cloned()))
                        .collect();
                    if inputs.is_empty() || decided_to > done {
                        return Decide::Answer(decided_to);
                    }
                    appends += 1;
                    let stock = match view.state.has_begun() {
                        true => &view.state.stock,
                        false => &sample,
                    };
                    let main = WarehouseId::main();
                    let decision = domain::inventory::decide(stock, &main, &inputs, usize::MAX);
                    let decision = decision.unwrap();
                    let to = decision.outcomes.last().unwrap().sequence;
                    Decide::Append { body: decision.into(), decided_to: Some(position(to)) }
                })
                .await
                .unwrap();
        }
        appends
    }

    /// The confirmed attempt of the order, if any.
    async fn looked_up(&self, order: &Order) -> Lookup {
        let first = |order: domain::Order| order.attempt == 1 && order.cancels.is_none();
        if read(order).is_some_and(first) {
            return Lookup::Nothing;
        }
        let (main, named) = (WarehouseId::main(), OrderSubject::parse(&order.subject).unwrap());
        let found =
            messaging::inventory::confirmed(&self.nats, &main, &named.partner, &named.order_id);
        found.await.unwrap().map_or(Lookup::Nothing, Lookup::Found)
    }

    pub(crate) async fn set_stock(&self, products: &[(&str, i64)]) {
        self.set_stock_as("k", products).await;
    }

    pub(crate) async fn set_stock_as(&self, key: &str, products: &[(&str, i64)]) {
        let available: BTreeMap<ProductId, i64> =
            products.iter().map(|(id, n)| (ProductId::parse(id).unwrap(), *n)).collect();
        let body = || Body::Set { key: None, available: available.clone() };
        let set = |_: View<'_, State>| Ok::<_, Infallible>(Command::decision(body()));
        self.journal().command(&BoundKey::new(key, &()), set).await.unwrap().unwrap();
    }

    /// Appends a decision that no journal would make, and publishes its facts like a journal does.
    pub(crate) async fn append(&self, id: &str, decided_to: u64, outcomes: Vec<Outcome>) {
        let body = Body::Orders { outcomes, checked: BTreeSet::new() };
        self.append_body(id, decided_to, body).await;
    }

    /// The same of any decision.
    pub(crate) async fn append_body(&self, id: &str, decided_to: u64, body: Body) {
        let subject = subject::inventory_journal(&WarehouseId::main());
        let last = stored::last(&self.nats, streams::JOURNAL, &subject).await.unwrap();
        let entry = Entry {
            id: id.into(),
            prev: last.map_or(0, |last| last.sequence),
            at: std::time::SystemTime::now().into(),
            decided_to: Some(position(decided_to)),
            key: None,
            body,
        };
        self.publish(&subject, serde_json::to_vec(&entry).unwrap()).await;
        // A journal that only reads completes the last entry: it publishes its facts.
        let settle = self.journal();
        settle
            .commit(|view| if view.fresh { Decide::Answer(()) } else { Decide::Refresh })
            .await
            .unwrap();
    }

    /// Places another attempt of an order, made by `next` from the last one.
    pub(crate) async fn place_next(
        &self,
        order: &Order,
        next: impl FnOnce(&domain::Order) -> domain::Order,
    ) {
        let standing = stored::last(&self.nats, streams::ORDERS, &order.subject).await;
        let standing = standing.unwrap().unwrap();
        let mut event: Event<domain::Order> = serde_json::from_slice(&standing.payload).unwrap();
        event.data = event.data.as_ref().map(next);
        let message = [header::CONTENT, header::EVENT]
            .into_iter()
            .fold(Outgoing::new(order.subject.clone(), event.to_bytes()), |message, name| {
                message.header(name, standing.header(name).unwrap())
            });
        publish::one(&self.nats, &message, Some(standing.sequence)).await.unwrap();
    }

    /// Places an amendment of the confirmed attempt `order` to so many pieces of P005. `change` may make it a wrong
    /// one.
    pub(crate) async fn amend(
        &self,
        order: &Order,
        quantity: i64,
        change: impl FnOnce(&mut domain::Order),
    ) {
        let standing = stored::last(&self.nats, streams::ORDERS, &order.subject).await;
        let standing = standing.unwrap().unwrap();
        let before = read(order).unwrap();
        let id = before.order_id.as_str();
        let json = json!({"order_id": id, "product": "P005", "quantity": quantity, "price": 1});
        let draft = raw::read(&json, None).unwrap();
        let content = draft.content();
        let next = draft.place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
        let domain::Order { attempt, total, .. } = before;
        let amends =
            Amends { attempt, placed: order.sequence, decision: "d".into(), total, order: None };
        let mut next = next.amending(attempt + 1, amends);
        change(&mut next);
        let data = Amending { attempt: next.attempt, order: next };
        let kind = messaging::events::ORDER_AMENDING;
        let event = Event::new("amend".into(), "/test", kind, &order.subject, data);
        let message = Outgoing::new(order.subject.clone(), event.to_bytes())
            .header(header::CONTENT, &content)
            .header(header::EVENT, standing.header(header::EVENT).unwrap())
            .header(header::AMENDS, &attempt.to_string());
        publish::one(&self.nats, &message, Some(standing.sequence)).await.unwrap();
    }

    /// Places a cancellation of `order`.
    pub(crate) async fn cancel(&self, order: &Order) {
        let decision = "as the fact says".into();
        let cancels = Cancels { attempt: 1, placed: order.sequence, decision };
        self.place_next(order, |order| order.cancelling(cancels)).await;
    }

    /// Places `next` behind the last attempt of an order, with the headers of that.
    async fn place_next_of(&self, order: &Order, next: domain::Order) {
        let standing = stored::last(&self.nats, streams::ORDERS, &order.subject).await;
        let standing = standing.unwrap().unwrap();
        let kind = messaging::events::ORDER_CANCELLING;
        let event = Event::new("next".into(), "/test", kind, &order.subject, next);
        let message = [header::CONTENT, header::EVENT]
            .into_iter()
            .fold(Outgoing::new(order.subject.clone(), event.to_bytes()), |message, name| {
                message.header(name, standing.header(name).unwrap())
            });
        publish::one(&self.nats, &message, Some(standing.sequence)).await.unwrap();
    }

    /// The same of any attempt.
    pub(crate) async fn cancel_of(&self, order: &Order) {
        let before = read(order).unwrap();
        let cancels =
            Cancels { attempt: before.attempt, placed: order.sequence, decision: "d".into() };
        let next = before.cancelling(cancels);
        self.place_next_of(order, next).await;
    }

    /// Repeats the last cancellation.
    pub(crate) async fn cancel_again(&self, order: &Order) {
        let next = |order: &domain::Order| order.cancelling(order.cancels.clone().unwrap());
        self.place_next(order, next).await;
    }

    pub(crate) async fn decide_all(&self) {
        Box::pin(self.decide(&self.journal(), 10)).await;
    }

    /// Publishes a message again, changed by `change`.
    pub(crate) async fn again(
        &self,
        stream: &str,
        subject: &str,
        change: impl Fn(String) -> String,
    ) {
        let standing = stored::last(&self.nats, stream, subject).await.unwrap().unwrap();
        let payload = change(String::from_utf8(standing.payload.to_vec()).unwrap());
        let mut message = Outgoing::new(subject.into(), payload.into());
        // Without the expected sequence with which it was first published.
        for name in [header::DECISION, header::DECISION_SEQUENCE] {
            message = message.header(name, standing.header(name).unwrap());
        }
        publish::one(&self.nats, &message, None).await.unwrap();
    }

    pub(crate) async fn subjects(&self, stream: &str, filter: &str) -> Vec<String> {
        let mut subjects = Vec::new();
        tail::read(&self.nats, stream, filter, 1, true, |message| {
            subjects.push(message.subject.to_string());
        })
        .await
        .unwrap();
        subjects
    }

    pub(crate) async fn report(&self, keep: impl Fn(&Message<'_>) -> bool) -> Report {
        let history = History::read_where(&self.server.url(), keep).await.unwrap();
        history.check(Options::default())
    }

    /// Checks that exactly these rules are broken.
    pub(crate) async fn check(&self, expected: &[Rule]) {
        self.check_without(|_| false, expected).await;
    }

    /// Checks that exactly these rules are broken if the messages for which `lost` is true are missing.
    pub(crate) async fn check_without(
        &self,
        lost: impl Fn(&Message<'_>) -> bool,
        expected: &[Rule],
    ) {
        let report = self.report(|message| !lost(message)).await;
        let rules: Vec<Rule> = report.violations.iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, expected, "{report}");
        assert!(report.violations.iter().all(|v| v.sequence > 0 && !v.subject.is_empty()));
    }
}

pub(crate) fn order(number: usize) -> Value {
    let (product, quantity) = match number % 5 {
        0 => ("P005", 1),
        1 => ("P002", 2),
        2 => ("P005", -1),
        3 => ("P404", 1),
        _ => ("P001", 1),
    };
    json!({"order_id": format!("A.{number}"), "lines": [
        {"product": product, "quantity": quantity, "price": "1.50"},
        {"product": product, "quantity": quantity, "price": "2"},
    ]})
}

pub(crate) fn read(order: &Order) -> Option<domain::Order> {
    Some(domain::order::amend::placed(order.event.data.as_deref()?).ok()?.0)
}

pub(crate) fn input(order: &Order, looked: Option<Lookup>) -> Input<'_> {
    assert!(order.previous < order.sequence);
    let named = OrderSubject::parse(&order.subject).unwrap();
    Input {
        sequence: order.sequence,
        data: order.event.data.as_deref(),
        file: None,
        named: Some((named.partner, named.order_id)),
        looked: looked.unwrap_or_default(),
        sale: Lookup::Unknown,
    }
}

pub(crate) fn position(sequence: u64) -> Position {
    Position {
        stream: streams::ORDERS.into(),
        identity: "2026".into(),
        filter: "orders.placed.main.>".into(),
        sequence,
    }
}

/// The outcome of an order, as the journal would write it with unlimited stock and a cancellation that
/// names the confirmed attempt.
pub(crate) fn confirmed(order: &Order) -> Outcome {
    decided(order, Lookup::Unknown)
}

/// The same of a return that names its sale, for which this was looked up.
pub(crate) fn decided(order: &Order, sale: Lookup) -> Outcome {
    let named = read(order).and_then(|order| {
        let Cancels { attempt, placed, .. } = order.cancels.clone()?;
        Some(Confirmed { attempt, ..Confirmed::new(placed, domain::Order { attempt, ..order }) })
    });
    outcome(order, named.map_or(Lookup::Nothing, Lookup::Found), sale)
}

/// The same of anything behind a confirmed attempt, which was looked up.
pub(crate) fn looked(order: &Order, looked: Lookup) -> Outcome {
    outcome(order, looked, Lookup::Unknown)
}

fn outcome(order: &Order, looked: Lookup, sale: Lookup) -> Outcome {
    let mut stock = domain::stock::Stock::default();
    for product in ["P001", "P002", "P003", "P005", "P404"] {
        stock.set(ProductId::parse(product).unwrap(), 1_000_000);
    }
    let inputs = [Input { sale, ..input(order, Some(looked)) }];
    let decision = domain::inventory::decide(&stock, &WarehouseId::main(), &inputs, usize::MAX);
    decision.unwrap().outcomes.pop().unwrap()
}
