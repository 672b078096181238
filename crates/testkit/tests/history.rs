//! The history checker on streams that real code filled, and on each thing that can be wrong.
#![cfg(test)]

use chrono::{DateTime, Utc};
use domain::inventory::{Body, Input, Outcome, Verdict};
use domain::order::{Cancels, Terms};
use domain::stock::Movement;
use domain::{OrderId, PartnerId, ProductId, WarehouseId, raw};
use messaging::inventory::InventoryJournal;
use messaging::journal::{Decide, Entry, Position};
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, OrderSubject, Stage};
use messaging::{Event, Nats, header, inventory, streams, tail};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::history::{History, Message, Options, Report, Rule};
use testkit::nats::Server;

/// Orders of a run; more of P002 than there is, so that some are refused.
const ORDERS: usize = 300;

struct Run {
    server: Server,
    nats: Nats,
}

struct Order {
    sequence: u64,
    previous: u64,
    subject: String,
    event: Event<Box<RawValue>>,
}

impl Run {
    /// Streams as set-up makes them, and nothing in them.
    async fn empty() -> Self {
        let server = Server::start();
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        Self { server, nats }
    }

    /// A few hundred orders, sent, placed, and decided by two journals that race.
    async fn whole() -> Self {
        let run = Self::empty().await;
        for number in 0..ORDERS {
            run.send_and_place(number).await;
        }
        let (a, b) = (run.journal(), run.journal());
        let a = Box::pin(run.decide(&a, 7));
        let b = Box::pin(run.decide(&b, 11));
        let (a, b) = tokio::join!(a, b);
        assert!(a + b > 10, "{a} and {b} appends");
        run.set_stock(&[("P002", 1000), ("P009", 5)]).await;
        run.send_and_place(ORDERS).await;
        Box::pin(run.decide(&run.journal(), 10)).await;
        run
    }

    fn journal(&self) -> InventoryJournal {
        inventory::journal(&self.nats, &WarehouseId::main())
    }

    async fn publish(&self, subject: &str, payload: impl Into<bytes::Bytes>) -> u64 {
        let message = Outgoing::new(subject.into(), payload.into());
        let Published::Stored(sequence) = publish::one(&self.nats, &message, None).await.unwrap()
        else {
            panic!("{subject} is occupied")
        };
        sequence
    }

    async fn send_and_place(&self, number: usize) -> u64 {
        let json = order(number);
        let sent = self.publish(subject::ORDERS, json.to_string()).await;
        self.place(&json, &format!("ORDERS:{sent}")).await
    }

    /// As order-ingest does it.
    async fn place(&self, json: &Value, event_id: &str) -> u64 {
        let draft = raw::read(json, None).unwrap();
        let content = draft.content_hash();
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

    async fn placed(&self) -> Vec<Order> {
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

    /// Decides placed orders in batches through the real journal; how many were appended.
    async fn decide(&self, journal: &InventoryJournal, batch: usize) -> usize {
        let placed = self.placed().await;
        let last = placed.last().map_or(0, |order| order.sequence);
        let mut appends = 0;
        let mut done = 0;
        while done < last {
            done = journal
                .commit(|view| {
                    let decided_to = view.decided_to.map_or(0, |position| position.sequence);
                    let rest = placed.iter().filter(|order| order.sequence > decided_to);
                    let inputs: Vec<Input<'_>> =
                        rest.take(batch).map(|order| input(order)).collect();
                    if inputs.is_empty() || decided_to > done {
                        return Decide::Answer(decided_to);
                    }
                    appends += 1;
                    let outcomes =
                        domain::inventory::decide(&view.state.stock, &inputs, usize::MAX);
                    let to = outcomes.last().unwrap().sequence;
                    Decide::Append {
                        body: Body::Orders { outcomes },
                        decided_to: Some(position(to)),
                    }
                })
                .await
                .unwrap();
        }
        appends
    }

    async fn set_stock(&self, products: &[(&str, i64)]) {
        self.set_stock_as("k", products).await;
    }

    async fn set_stock_as(&self, key: &str, products: &[(&str, i64)]) {
        let available: BTreeMap<ProductId, i64> =
            products.iter().map(|(id, n)| (ProductId::parse(id).unwrap(), *n)).collect();
        let body = || Body::Set { key: key.into(), available: available.clone() };
        self.journal()
            .commit(|view| match view.state.keys.contains_key(key) {
                true => Decide::Answer(()),
                false => Decide::Append { body: body(), decided_to: None },
            })
            .await
            .unwrap();
    }

    /// Appends a decision that no journal would make, and publishes its facts as a journal does.
    async fn append(&self, id: &str, decided_to: u64, outcomes: Vec<Outcome>) {
        let subject = subject::inventory_journal(&WarehouseId::main());
        let last = publish::last(&self.nats, streams::JOURNAL, &subject).await.unwrap();
        let entry = Entry {
            id: id.into(),
            prev: last.map_or(0, |last| last.sequence),
            at: DateTime::<Utc>::UNIX_EPOCH,
            decided_to: Some(position(decided_to)),
            body: Body::Orders { outcomes },
        };
        self.publish(&subject, serde_json::to_vec(&entry).unwrap()).await;
        // A journal that only reads settles the last entry: its facts are published.
        let settle = self.journal();
        settle
            .commit(|view| if view.fresh { Decide::Answer(()) } else { Decide::Refresh })
            .await
            .unwrap();
    }

    /// Places the last attempt of an order again, as `next` makes it.
    async fn place_next(&self, order: &Order, next: impl FnOnce(&domain::Order) -> domain::Order) {
        let standing = publish::last(&self.nats, streams::ORDERS, &order.subject).await;
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

    /// Places a cancellation of `order`.
    async fn cancel(&self, order: &Order) {
        let decision = "as the fact says".into();
        let cancels = Cancels { attempt: 1, placed: order.sequence, decision };
        self.place_next(order, |order| order.cancelling(cancels)).await;
    }

    /// Places another cancellation of what the last one was to cancel.
    async fn cancel_again(&self, order: &Order) {
        let next = |order: &domain::Order| order.cancelling(order.cancels.clone().unwrap());
        self.place_next(order, next).await;
    }

    async fn decide_all(&self) {
        Box::pin(self.decide(&self.journal(), 10)).await;
    }

    /// Publishes a message again, changed by `change`.
    async fn again(&self, stream: &str, subject: &str, change: impl Fn(String) -> String) {
        let standing = publish::last(&self.nats, stream, subject).await.unwrap().unwrap();
        let payload = change(String::from_utf8(standing.payload.to_vec()).unwrap());
        let mut message = Outgoing::new(subject.into(), payload.into());
        // Not the expectation that it was first published with.
        for name in [header::DECISION, header::DECISION_SEQUENCE] {
            message = message.header(name, standing.header(name).unwrap());
        }
        publish::one(&self.nats, &message, None).await.unwrap();
    }

    async fn subjects(&self, stream: &str, filter: &str) -> Vec<String> {
        let mut subjects = Vec::new();
        tail::read(&self.nats, stream, filter, 1, true, |message| {
            subjects.push(message.subject.to_string());
        })
        .await
        .unwrap();
        subjects
    }

    async fn report(&self, keep: impl Fn(&Message<'_>) -> bool) -> Report {
        let history = History::read_where(&self.server.url(), keep).await.unwrap();
        history.check(Options::default())
    }

    /// Exactly these rules are broken.
    async fn check(&self, expected: &[Rule]) {
        self.check_without(|_| false, expected).await;
    }

    /// Exactly these rules are broken when the messages for which `lost` is true are not there.
    async fn check_without(&self, lost: impl Fn(&Message<'_>) -> bool, expected: &[Rule]) {
        let report = self.report(|message| !lost(message)).await;
        let rules: Vec<Rule> = report.violations.iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, expected, "{report}");
        assert!(report.violations.iter().all(|v| v.sequence > 0 && !v.subject.is_empty()));
    }
}

fn order(number: usize) -> Value {
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

fn input(order: &Order) -> Input<'_> {
    assert!(order.previous < order.sequence);
    let named = OrderSubject::parse(&order.subject).unwrap();
    Input {
        sequence: order.sequence,
        data: order.event.data.as_deref(),
        file: None,
        named: Some((named.partner, named.order_id)),
    }
}

fn position(sequence: u64) -> Position {
    Position {
        stream: streams::ORDERS.into(),
        created: "2026".into(),
        filter: "orders.placed.main.>".into(),
        sequence,
    }
}

/// The outcome of an order, as the journal would write it if stock were endless.
fn confirmed(order: &Order) -> Outcome {
    let mut stock = domain::stock::Stock::default();
    for product in ["P001", "P002", "P003", "P005", "P404"] {
        stock.set(ProductId::parse(product).unwrap(), 1_000_000);
    }
    let mut outcomes = domain::inventory::decide(&stock, &[input(order)], usize::MAX);
    outcomes.pop().unwrap()
}

#[tokio::test]
async fn what_two_racing_journals_leave_breaks_no_rule() {
    let run = Run::whole().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = &report.summary;
    assert_eq!((s.sent, s.placed, s.confirmed + s.refused), (301, 301, 301));
    assert_eq!(s.returns, 60);
    assert!(s.refused > 60, "{report}");
    let stock = &s.stock["main"];
    assert_eq!((stock["P002"], stock["P009"], stock["P005"]), (1000, 5, 498));
}

#[tokio::test]
async fn a_duplicate_a_conflict_and_a_dead_letter_are_ends_of_their_own() {
    let run = Run::whole().await;
    run.publish(subject::ORDERS, order(3).to_string()).await;
    let other = json!({"order_id": "A.3", "product": "P001", "quantity": 9, "price": 1});
    let sequence = run.publish(subject::ORDERS, other.to_string()).await;
    let id = OrderId::parse("A.3").unwrap();
    let subject = subject::conflict(&PartnerId::direct(), &id);
    let event = Event::new(format!("ORDERS:{sequence}"), "/test", "t", &subject, other);
    run.publish(&subject, event.to_bytes()).await;
    let sequence = run.publish(subject::ORDERS, "no order").await;
    let dead = Outgoing::new(subject::dead_letters("order-ingest"), "no order".into())
        .header("Orderflow-Dead-Stream", streams::ORDERS)
        .header("Orderflow-Dead-Sequence", &sequence.to_string());
    publish::one(&run.nats, &dead, None).await.unwrap();
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = report.summary;
    assert_eq!((s.sent, s.duplicates, s.conflicts, s.dead), (304, 1, 1, 1));
    // Each end is needed: without the conflict and the dead letter both messages are lost.
    let errors = |message: &Message<'_>| message.subject.starts_with("errors.");
    run.check_without(errors, &[Rule::Lost, Rule::Lost]).await;
}

#[tokio::test]
async fn a_placed_order_that_is_never_decided_is_found() {
    let run = Run::whole().await;
    run.send_and_place(1000).await;
    run.check(&[Rule::Undecided]).await;
}

#[tokio::test]
async fn a_skipped_sequence_is_found() {
    let run = Run::whole().await;
    run.send_and_place(1004).await;
    run.send_and_place(1005).await;
    let placed = run.placed().await;
    let last = placed.last().unwrap();
    run.append("gap", last.sequence, vec![confirmed(last)]).await;
    run.check(&[Rule::Skipped]).await;
}

#[tokio::test]
async fn an_order_decided_twice_in_the_journal_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    let (again, last) = (placed.first().unwrap(), placed.last().unwrap());
    run.append("again", last.sequence, vec![confirmed(again)]).await;
    // The second decision also replaces the fact of the first, and ends at the wrong place.
    run.check(&[Rule::DecidedTwice, Rule::PositionWrong, Rule::FactTwice, Rule::FactChanged]).await;
}

#[tokio::test]
async fn a_decision_on_nothing_is_found() {
    let run = Run::whole().await;
    let mut last = run.placed().await.pop().unwrap();
    last.sequence += 1000;
    run.append("nothing", last.sequence, vec![confirmed(&last)]).await;
    run.check(&[Rule::NothingDecided]).await;
}

#[tokio::test]
async fn a_second_fact_is_found() {
    let run = Run::whole().await;
    let confirmed = run.subjects(streams::ORDERS, "orders.confirmed.>").await;
    run.again(streams::ORDERS, &confirmed[0], |same| same).await;
    run.check(&[Rule::FactTwice]).await;
}

#[tokio::test]
async fn an_order_that_is_confirmed_and_refused_is_found() {
    let run = Run::whole().await;
    let confirmed = run.subjects(streams::ORDERS, "orders.confirmed.>").await;
    let subject = confirmed[0].replace("confirmed", "refused");
    let standing = publish::last(&run.nats, streams::ORDERS, &confirmed[0]).await.unwrap().unwrap();
    run.publish(&subject, standing.payload).await;
    run.check(&[Rule::FactTwice, Rule::FactChanged]).await;
}

#[tokio::test]
async fn a_changed_fact_is_found() {
    let run = Run::whole().await;
    let confirmed = run.subjects(streams::ORDERS, "orders.confirmed.>").await;
    let subject = confirmed.last().unwrap().as_str();
    let change = |payload: String| payload.replace("\"attempt\":1", "\"attempt\":2");
    run.again(streams::ORDERS, subject, change).await;
    run.check(&[Rule::FactTwice, Rule::FactChanged]).await;
    // The changed one alone.
    let report = run.report(|_| true).await;
    let twice = report.violations.iter().find(|v| v.rule == Rule::FactTwice).unwrap().sequence;
    let lost = |message: &Message<'_>| message.subject == subject && message.sequence != twice;
    run.check_without(lost, &[Rule::FactChanged]).await;
}

#[tokio::test]
async fn a_missing_fact_is_found() {
    let run = Run::whole().await;
    let refused = run.subjects(streams::ORDERS, "orders.refused.>").await;
    let lost = |message: &Message<'_>| message.subject == refused[0];
    run.check_without(lost, &[Rule::FactMissing]).await;
}

#[tokio::test]
async fn a_fact_without_a_decision_is_found() {
    let run = Run::whole().await;
    run.publish("orders.confirmed.main.DIRECT.ghost", "{}").await;
    run.publish("inventory.changed.main.P001.ghost", "{}").await;
    run.check(&[Rule::FactUnfounded, Rule::FactUnfounded]).await;
}

#[tokio::test]
async fn a_second_attempt_after_a_refusal_breaks_no_rule() {
    let run = Run::whole().await;
    // Number 3 is refused, for nobody knows its product.
    run.place_next(&run.placed().await[3], domain::Order::again).await;
    run.check(&[Rule::Undecided]).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    assert_eq!((report.summary.sent, report.summary.placed), (301, 302));
}

#[tokio::test]
async fn a_second_attempt_without_a_refusal_or_of_another_order_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    run.place_next(&placed[0], domain::Order::again).await;
    run.place_next(&placed[3], |order| domain::Order { attempt: 3, ..order.again() }).await;
    run.place_next(&placed[8], |order| domain::Order { region: Some("x".into()), ..order.again() })
        .await;
    run.decide_all().await;
    run.check(&[Rule::AttemptWrong; 3]).await;
}

#[tokio::test]
async fn an_order_that_is_cancelled_and_placed_again_breaks_no_rule() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    let (sale, back) = (&placed[0], &placed[2]);
    run.cancel(sale).await;
    run.cancel(back).await;
    run.decide_all().await;
    let before = run.report(|_| true).await.summary.stock["main"]["P005"];
    run.place_next(sale, domain::Order::again).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = report.summary;
    assert_eq!((s.cancelled, s.placed, s.stock["main"]["P005"]), (2, 304, before - 2));
}

#[tokio::test]
async fn a_return_whose_stock_is_gone_stays_confirmed_and_can_be_cancelled_later() {
    let run = Run::whole().await;
    let back = &run.placed().await[2];
    run.set_stock_as("none", &[("P005", 1)]).await;
    run.cancel(back).await;
    run.decide_all().await;
    run.set_stock_as("some", &[("P005", 2)]).await;
    run.cancel_again(back).await;
    run.decide_all().await;
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = report.summary;
    assert_eq!((s.kept, s.cancelled, s.stock["main"]["P005"]), (1, 1, 0));
}

#[tokio::test]
async fn a_cancellation_of_what_does_not_stand_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    // One that was refused, and one twice.
    run.cancel(&placed[3]).await;
    run.cancel(&placed[0]).await;
    run.decide_all().await;
    run.cancel_again(&placed[0]).await;
    run.decide_all().await;
    let [a, c] = [Rule::AttemptWrong, Rule::CancelWrong];
    run.check(&[a, a, c, c]).await;
}

#[tokio::test]
async fn a_cancellation_that_names_another_attempt_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    let other = Cancels { attempt: 1, placed: placed[2].sequence, decision: "d".into() };
    run.place_next(&placed[0], |order| order.cancelling(other)).await;
    run.decide_all().await;
    run.check(&[Rule::AttemptWrong]).await;
}

#[tokio::test]
async fn a_cancellation_that_gives_back_a_part_or_ends_as_an_order_is_found() {
    let run = Run::whole().await;
    let placed = run.placed().await;
    run.cancel(&placed[0]).await;
    let last = run.placed().await.pop().unwrap();
    let mut outcome = confirmed(&last);
    let Verdict::Cancelled { movements, .. } = &mut outcome.verdict else { panic!("cancelled") };
    movements[0].delta -= 1;
    run.append("part", last.sequence, vec![outcome]).await;
    run.check(&[Rule::MovementsWrong]).await;
    run.cancel(&placed[4]).await;
    let last = run.placed().await.pop().unwrap();
    let mut outcome = confirmed(&last);
    outcome.verdict = Verdict::Confirmed(outcome.verdict.movements().to_vec());
    run.append("sold", last.sequence, vec![outcome]).await;
    run.check(&[Rule::MovementsWrong, Rule::VerdictWrong]).await;
}

#[tokio::test]
async fn negative_stock_is_found() {
    let run = Run::empty().await;
    let json = json!({"order_id": "big", "product": "P002", "quantity": 21, "price": 1});
    let sent = run.publish(subject::ORDERS, json.to_string()).await;
    let sequence = run.place(&json, &format!("ORDERS:{sent}")).await;
    run.append("beyond", sequence, vec![confirmed(&run.placed().await[0])]).await;
    run.check(&[Rule::StockNegative]).await;
}

#[tokio::test]
async fn an_order_that_gets_only_a_part_is_found() {
    let run = Run::empty().await;
    let sequence = run.send_and_place(1).await;
    let mut outcome = confirmed(&run.placed().await[0]);
    let product = ProductId::parse("P002").unwrap();
    outcome.verdict = Verdict::Confirmed(vec![Movement { product, delta: -3 }]);
    run.append("part", sequence, vec![outcome]).await;
    run.check(&[Rule::MovementsWrong]).await;
}

#[tokio::test]
async fn a_refusal_without_a_reason_is_found() {
    let run = Run::empty().await;
    let sequence = run.send_and_place(1).await;
    let mut outcome = confirmed(&run.placed().await[0]);
    outcome.verdict = Verdict::Refused(domain::stock::Refusal::InsufficientStock {
        product: ProductId::parse("P002").unwrap(),
        requested: 4,
        available: 3,
    });
    run.append("mean", sequence, vec![outcome]).await;
    run.check(&[Rule::RefusalWrong]).await;
}

#[tokio::test]
async fn a_missing_and_a_doubled_movement_are_found() {
    let run = Run::whole().await;
    let changed = run.subjects(streams::INVENTORY, ">").await;
    run.again(streams::INVENTORY, &changed[1], |same| same).await;
    let lost = |message: &Message<'_>| message.subject == changed[0];
    run.check_without(lost, &[Rule::FactTwice, Rule::FactMissing]).await;
}

#[tokio::test]
async fn a_missing_entry_is_a_hole_in_the_chain() {
    let run = Run::empty().await;
    for number in [0, 5, 10] {
        run.send_and_place(number).await;
        Box::pin(run.decide(&run.journal(), 1)).await;
    }
    let lost =
        |message: &Message<'_>| message.subject.starts_with("journal.") && message.sequence == 2;
    let expected = [Rule::ChainBroken, Rule::Skipped, Rule::FactUnfounded, Rule::FactUnfounded];
    run.check_without(lost, &expected).await;
}

#[tokio::test]
async fn a_lost_message_on_orders_is_found() {
    let run = Run::whole().await;
    run.publish(subject::ORDERS, order(2000).to_string()).await;
    run.publish(subject::ORDERS, "neither an order nor a dead letter").await;
    run.check(&[Rule::Lost, Rule::Lost]).await;
}

#[tokio::test]
async fn an_order_that_nobody_sent_is_found() {
    let run = Run::whole().await;
    let lost = |message: &Message<'_>| message.subject == subject::ORDERS && message.sequence == 1;
    run.check_without(lost, &[Rule::NeverSent]).await;
}

#[tokio::test]
async fn the_command_prints_the_report_and_fails_on_a_violation() {
    let run = Run::empty().await;
    let command = async || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_testkit"));
        command.args(["check-history", "--nats", &run.server.url()]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = command().await;
    assert!(text.ends_with("✓ no rule is broken\n"), "{text}");
    assert_eq!(code, Some(0));
    run.send_and_place(1).await;
    let (code, text) = command().await;
    assert!(text.contains("✗ Undecided: orders.placed.main.DIRECT.A=2E1 #2: "), "{text}");
    assert!(text.ends_with("✗ 1 violations\n"), "{text}");
    assert_eq!(code, Some(1));
}
