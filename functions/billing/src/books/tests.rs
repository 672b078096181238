use super::balances::Balance;
use super::folds::{Shelf, Summed};
use super::*;
use async_nats::HeaderMap;
use chrono::NaiveDate;
use domain::invoice::DocumentKind;
use messaging::header;
use serde_json::{Value, json};
use state::fold::{Event, Fold as _, Unread};
use std::borrow::Cow;

fn reason(unread: Unread) -> String {
    match unread {
        Unread::Wrong(reason) => reason,
        Unread::NeedsPayload => "its payload is needed".to_owned(),
    }
}

/// Facts as billing publishes them, applied as the fold's reader does it.
struct World {
    fold: Books,
    shards: Vec<Shelf>,
    sums: Vec<Summed>,
    sequence: u64,
}

impl World {
    fn new(documents: usize) -> Self {
        let shards = (0..Books::SHARDS).map(|_| Shelf::default()).collect();
        let sums = (0..Sums::SHARDS).map(|_| Summed::default()).collect();
        Self { fold: Books::up_to(documents), shards, sums, sequence: 0 }
    }

    fn tell(&mut self, subject: &str, said: &[(&str, &str)]) -> Result<(), String> {
        self.sequence += 1;
        let mut headers = HeaderMap::new();
        headers.insert(header::DECISION_SEQUENCE, "1");
        said.iter().for_each(|(name, text)| headers.insert(*name, *text));
        let event = Event {
            source: 0,
            sequence: self.sequence,
            time_ms: 1_000,
            subject,
            headers: Some(&headers),
            payload: None,
            kept_from: 0,
        };
        // Any place will do that depends on nothing but the key.
        let at = |key: Cow<'_, str>| key.bytes().map(usize::from).sum::<usize>() % Books::SHARDS;
        if let Some((key, said)) = Sums.read(&event).map_err(reason)? {
            Sums.apply(&mut self.sums[at(key)], &event, said)?;
        }
        let Some((key, said)) = self.fold.read(&event).map_err(reason)? else { return Ok(()) };
        self.fold.apply(&mut self.shards[at(key)], &event, said)
    }

    fn document(&mut self, number: &str, order: &str, customer: &str, day: &str, payable: &str) {
        let kind = if number.contains("-C") { "credit_note" } else { "invoice" };
        let (partner, order) = order.split_once('/').unwrap();
        let mut said = vec![
            (header::PARTNER, partner),
            (header::ORDER, order),
            (header::SELLER, "ACME"),
            (header::DOCUMENT, kind),
            (header::CURRENCY, "EUR"),
            (header::PAYABLE, payable),
            (header::ISSUED_ON, day),
        ];
        said.extend((!customer.is_empty()).then_some((header::CUSTOMER, customer)));
        self.tell(&format!("invoices.issued.main.{number}"), &said).unwrap();
    }

    fn balance(&mut self, order: &str, invoice: &str, state: &str, open: &str, due: &str) {
        let (partner, order) = order.split_once('/').unwrap();
        let mut said = vec![
            (header::PARTNER, partner),
            (header::ORDER, order),
            (header::STATE, state),
            (header::OPEN, open),
            (header::CURRENCY, "EUR"),
        ];
        said.extend((!invoice.is_empty()).then_some((header::INVOICE, invoice)));
        said.extend((!due.is_empty()).then_some((header::DUE_ON, due)));
        self.tell(&format!("invoices.balance.main.{partner}.{order}"), &said).unwrap();
    }

    fn list(&self, query: Query) -> Value {
        let shards: Vec<&Shelf> = self.shards.iter().collect();
        serde_json::to_value(page(&shards, &query)).unwrap()
    }

    fn items(&self, wanted: &Wanted) -> Value {
        let shards: Vec<&Shelf> = self.shards.iter().collect();
        serde_json::to_value(items(&shards, wanted, day("2026-03-01"))).unwrap()
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn query() -> Query {
    Query { limit: 100, today: day("2026-03-01"), ..Query::default() }
}

fn numbers(page: &Value) -> Vec<&str> {
    let invoices = page["invoices"].as_array().unwrap();
    invoices.iter().map(|view| view["number"].as_str().unwrap()).collect()
}

fn some() -> World {
    let mut world = World::new(100);
    world.document("A-1", "US1/a=2E1", "c1", "2026-01-10", "12.00");
    world.balance("US1/a=2E1", "A-1", "open", "12.00", "2026-02-09");
    world.document("A-2", "US1/b", "c1", "2026-01-11", "30.00");
    world.balance("US1/b", "A-2", "partly_paid", "10.00", "2026-03-10");
    world.document("A-3", "UK/b", "", "2026-01-11", "5.00");
    world.balance("UK/b", "A-3", "paid", "0.00", "2026-03-11");
    world.document("A-C1", "US1/b", "c1", "2026-01-12", "4.00");
    world.balance("US1/b", "A-2", "partly_paid", "6.00", "2026-03-10");
    world.balance("US1/h", "", "held", "0.00", "");
    world
}

#[test]
fn documents_are_listed_newest_first_page_by_page() {
    let world = some();
    let all = world.list(query());
    assert_eq!(numbers(&all), ["A-C1", "A-3", "A-2", "A-1"]);
    let oldest = &all["invoices"][3];
    assert_eq!(
        *oldest,
        json!({"number": "A-1", "kind": "invoice", "issued_on": "2026-01-10", "status": "overdue",
          "order": "US1/a.1", "partner": "US1", "order_id": "a.1", "customer": "c1", "seller": "ACME",
          "warehouse": "main", "currency": "EUR", "payable": "12.00", "open": "12.00",
          "due_on": "2026-02-09", "sequence": 1})
    );
    let first = world.list(Query { limit: 3, ..query() });
    let next = first["next"].as_u64().unwrap();
    let second = world.list(Query { cursor: Some(next), limit: 3, ..query() });
    assert_eq!((numbers(&first).len(), numbers(&second)), (3, vec!["A-1"]));
    assert_eq!(second["next"], Value::Null);
}

#[test]
fn each_filter_leaves_only_what_fits() {
    let world = some();
    let found = |query: Query| numbers(&world.list(query)).join(" ");
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(Query { partner: text("UK"), ..query() }), "A-3");
    assert_eq!(found(Query { order: text("b"), partner: text("US1"), ..query() }), "A-C1 A-2");
    assert_eq!(found(Query { customer: text("c1"), ..query() }), "A-C1 A-2 A-1");
    assert_eq!(found(Query { kind: Some(DocumentKind::CreditNote), ..query() }), "A-C1");
    let from = Query { from: Some(day("2026-01-11")), to: Some(day("2026-01-11")), ..query() };
    assert_eq!(found(from), "A-3 A-2");
    for (status, expected) in [
        (Status::Overdue, "A-1"),
        (Status::PartlyPaid, "A-2"),
        (Status::Paid, "A-3"),
        (Status::Issued, "A-C1"),
        (Status::Open, ""),
    ] {
        assert_eq!(found(Query { status: Some(status), ..query() }), expected, "{status:?}");
    }
    assert_eq!(found(Query { number: text("-C"), ..query() }), "A-C1");
    assert_eq!(found(Query { seller: text("OTHER"), ..query() }), "");
}

#[test]
fn an_invoice_of_an_earlier_attempt_was_credited() {
    let mut world = World::new(100);
    world.document("A-1", "US1/a", "c1", "2026-01-10", "12.00");
    world.document("A-C1", "US1/a", "c1", "2026-01-10", "12.00");
    world.document("A-2", "US1/a", "c1", "2026-01-11", "12.00");
    world.balance("US1/a", "A-2", "open", "12.00", "2026-03-09");
    let page = world.list(query());
    let status = |at: usize| page["invoices"][at]["status"].clone();
    assert_eq!([status(0), status(1), status(2)], ["open", "issued", "credited"]);
}

#[test]
fn open_items_come_by_their_day_and_are_added_up() {
    let world = some();
    let all = world.items(&Wanted { limit: 10, ..Wanted::default() });
    let ids = |items: &Value| -> Vec<String> {
        let items = items["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&all), ["US1/a.1", "US1/b", "US1/h"]);
    assert_eq!(
        all["sums"]["EUR"],
        json!({"orders": 3, "open": "18.00", "overdue": "12.00", "refund": "0.00"})
    );
    let one = world.items(&Wanted { limit: 1, ..Wanted::default() });
    assert_eq!((ids(&one), &one["more"]), (vec!["US1/a.1".to_owned()], &json!(true)));
    assert_eq!(one["sums"], all["sums"]);
    let held = world.items(&Wanted { held: true, limit: 10, ..Wanted::default() });
    assert_eq!(ids(&held), ["US1/h"]);
    let overdue = Wanted { overdue_on: Some(day("2026-03-01")), limit: 10, ..Wanted::default() };
    assert_eq!(ids(&world.items(&overdue)), ["US1/a.1"]);
}

#[test]
fn totals_fall_with_credit_notes() {
    let world = some();
    let shards: Vec<&Summed> = world.sums.iter().collect();
    let (found, more) = customers(&shards, &Of { limit: 10, ..Of::default() });
    let found = serde_json::to_value(found).unwrap();
    assert_eq!(
        found,
        json!([{"id": "US1/c1", "partner": "US1", "customer": "c1", "currency": "EUR", "invoices": 2,
          "credit_notes": 1, "invoiced": "42.00", "credited": "4.00", "total": "38.00"}])
    );
    assert!(!more);
    let all = days(&shards, Some("ACME"), (day("2026-01-11"), day("2026-01-12")));
    let all = serde_json::to_value(all).unwrap();
    assert_eq!(all[0]["total"], "-4.00");
    assert_eq!(all[1]["invoices"], 2);
    assert_eq!(all[1]["invoiced"], "35.00");
}

#[test]
fn the_oldest_documents_are_left_out_and_the_list_says_so() {
    let mut world = World::new(Books::SHARDS);
    for number in 1..=200 {
        world.document(&format!("A-{number}"), "US1/same", "c1", "2026-01-10", "1.00");
    }
    let page = world.list(query());
    assert_eq!(numbers(&page), ["A-200", "A-199"]);
    assert!(page["older"].as_str().unwrap().contains("ORDERFLOW_BILLING_DOCUMENTS_MAX"));
    let shards: Vec<&Summed> = world.sums.iter().collect();
    let (found, _) = customers(&shards, &Of { limit: 10, ..Of::default() });
    assert_eq!(serde_json::to_value(found).unwrap()[0]["invoices"], 200, "sums are of all");
}

#[test]
fn what_cannot_be_read_says_which_header() {
    let mut world = World::new(10);
    let said = [(header::PARTNER, "US1"), (header::ORDER, "a")];
    let wrong = world.tell("invoices.issued.main.A-1", &said).unwrap_err();
    assert_eq!(wrong, "the header Orderflow-Document is missing");
    let said = [
        (header::PARTNER, "US1"),
        (header::ORDER, "a"),
        (header::STATE, "open"),
        (header::OPEN, "1.00001"),
    ];
    let wrong = world.tell("invoices.balance.main.US1.a", &said).unwrap_err();
    assert_eq!(wrong, "the header Orderflow-Open is \"1.00001\", no amount");
    assert_eq!(world.tell("invoices.later.main.US1.a", &said), Ok(()), "of a later release");
}

#[test]
fn a_checkpoint_is_read_as_it_was_written() {
    let world = some();
    for summed in &world.sums {
        let again: Summed = serde_json::from_slice(&serde_json::to_vec(summed).unwrap()).unwrap();
        let (summed, again) = (serde_json::to_value(summed), serde_json::to_value(again));
        assert_eq!(summed.unwrap(), again.unwrap());
    }
    for shelf in &world.shards {
        let again: Shelf = serde_json::from_slice(&serde_json::to_vec(shelf).unwrap()).unwrap();
        let (shelf, again) = (serde_json::to_value(shelf), serde_json::to_value(again));
        assert_eq!(shelf.unwrap(), again.unwrap());
    }
}

#[test]
fn orders_that_are_open_outlast_their_documents() {
    let mut world = World::new(Books::SHARDS);
    for number in 1..=3 {
        // All of one shard, which holds two documents.
        let order = format!("US1/{}", ["ad", "bc", "cb"][number - 1]);
        let invoice = format!("A-{number}");
        world.document(&invoice, &order, "c1", "2026-01-10", "1.00");
        world.balance(&order, &invoice, "open", "1.00", "2026-02-09");
    }
    let open = |world: &World| {
        let items = world.items(&Wanted { limit: 10, ..Wanted::default() });
        (items["sums"]["EUR"]["open"].clone(), items["left_out"].clone())
    };
    assert_eq!(numbers(&world.list(query())).len(), 2);
    assert_eq!(open(&world), (json!("3.00"), Value::Null));
    world.balance("US1/ad", "A-1", "paid", "0.00", "2026-02-09");
    assert_eq!(open(&world), (json!("2.00"), Value::Null));
    let held: usize = world.shards.iter().map(|shelf| shelf.balances.len()).sum();
    assert_eq!(held, 2, "what is settled and not listed is not held");
    // More than twice as many as documents may be listed.
    for number in 4..=7 {
        let order = format!("US1/h{number}");
        let shard = &mut world.shards[0];
        let balance = |open| Balance { open, ..held_balance() };
        shard.balances.set(order.into(), balance(10_000), 2);
    }
    assert_eq!(open(&world), (json!("4.00"), json!(2)));
}

fn held_balance() -> Balance {
    Balance {
        state: domain::invoice::BalanceState::Open,
        open: 0,
        due_on: None,
        invoice: None,
        customer: None,
        seller: None,
        currency: Some("EUR".into()),
        reason: None,
        warehouse: "main".into(),
        changed_ms: 0,
    }
}
