//! Events of this release are read with the types of 0.1.0, and the other way round: events grow by
//! optional fields only.
#![cfg(test)]

use chrono::{DateTime, Utc};
use domain::inventory::{Body, Pieces, Returned, Verdict};
use domain::order::{Amends, Terms, amend::Amending};
use domain::stock::{Exceeded, Refusal};
use domain::{Money, Order, OrderId, ProductId, raw};
use messaging::Event;
use messaging::inventory::Decided;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An order as 0.1.0 has it.
#[derive(Debug, Deserialize, Serialize)]
struct OldOrder {
    order_id: String,
    partner: String,
    warehouse: String,
    kind: OldKind,
    attempt: u32,
    ordered_at: DateTime<Utc>,
    currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<OldCustomer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    stock: String,
    lines: Vec<OldLine>,
    total: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancels: Option<OldCancels>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OldKind {
    Sale,
    Return,
}

#[derive(Debug, Deserialize, Serialize)]
struct OldCustomer {
    id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    vip: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct OldLine {
    product_id: String,
    quantity: i64,
    unit_price: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct OldCancels {
    attempt: u32,
    placed: u64,
    decision: String,
}

/// A fact as 0.1.0 has it.
#[derive(Debug, Deserialize)]
struct OldDecided {
    partner: String,
    order_id: String,
    kind: OldKind,
    attempt: u32,
    placed: u64,
    #[serde(default)]
    refusal: Option<OldRefusal>,
    #[serde(default)]
    order: Option<OldOrder>,
}

/// Why 0.1.0 refuses an order.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "reason", rename_all = "snake_case")]
enum OldRefusal {
    UnknownProduct { product: String },
    InsufficientStock { product: String, requested: i64, available: i64 },
    QuantityOverflow { product: String },
    Unreadable { detail: String },
    Cancelled { attempt: u32 },
    Skipped { detail: String },
}

fn placed(order: &Value) -> Order {
    let draft = raw::read(order, None).unwrap();
    draft.place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap()
}

/// An order with everything that there is now.
fn whole() -> Order {
    placed(&json!({"order_id": "1", "customer": {"id": "c1", "vip": true}, "region": "FR",
        "lines": [{"product_id": "A", "quantity": 2, "price": 10, "description": "Mug",
            "category": "Home", "discount": 1, "tax_category": "standard"}],
        "charges": [{"kind": "shipping", "amount": "4.90", "tax_category": "standard"}],
        "tax_given": "3.98", "metadata": {"channel": "web"}}))
}

#[test]
fn types_of_0_1_0_read_events_of_now() {
    let event = Event::new("e".into(), "/x", "orderflow.order.placed.v1", "s", whole());
    let old: Event<OldOrder> = serde_json::from_slice(&event.to_bytes()).unwrap();
    let old = old.data.unwrap();
    assert_eq!((old.total.to_string().as_str(), old.lines.len()), ("23.90", 1));
    let decided = Decided {
        partner: whole().partner,
        order_id: whole().order_id,
        kind: whole().kind,
        attempt: 1,
        placed: 7,
        in_force: Some(5),
        refusal: None,
        order: Some(serde_json::value::to_raw_value(&whole()).unwrap()),
    };
    let old: OldDecided = serde_json::from_slice(&serde_json::to_vec(&decided).unwrap()).unwrap();
    assert!(matches!(old.kind, OldKind::Sale) && old.order.is_some());
    assert_eq!((old.partner.as_str(), old.order_id.as_str()), ("DIRECT", "1"));
    assert_eq!((old.attempt, old.placed), (1, 7));
}

/// A reason that is new is one that 0.1.0 knows, with the same words for people.
#[test]
fn types_of_0_1_0_read_every_refusal_of_now() {
    let (sale, product) = (OrderId::parse("7").unwrap(), ProductId::parse("A").unwrap());
    let product = || product.clone();
    let detail = || "too much".to_owned();
    let refusals = [
        Refusal::UnknownProduct { product: product() },
        Refusal::InsufficientStock {
            product: product(),
            requested: 2,
            available: 1,
            checked_for_others: true,
        },
        Refusal::QuantityOverflow { product: product() },
        Refusal::Unreadable { detail: detail() },
        Refusal::Cancelled { attempt: 1 },
        Refusal::Skipped { detail: detail() },
        Refusal::ExceedsSale(Exceeded::too_much(sale.clone(), product(), (2, 1), detail())),
        Refusal::ExceedsSale(Exceeded::shipped(sale, product(), (2, 1), detail())),
    ];
    assert_eq!(refusals.each_ref().map(Refusal::code), Refusal::CODES, "all of them");
    let back = placed(&json!({"order_id": "9", "product": "A", "quantity": -2, "price": 1,
        "returns": "7"}));
    for refusal in refusals {
        let decided = Decided {
            partner: back.partner.clone(),
            order_id: back.order_id.clone(),
            kind: back.kind,
            attempt: 1,
            placed: 7,
            in_force: None,
            refusal: Some(refusal.clone()),
            order: Some(serde_json::value::to_raw_value(&back).unwrap()),
        };
        let json = serde_json::to_vec(&decided).unwrap();
        let old: OldDecided = serde_json::from_slice(&json).unwrap();
        assert!(old.order.is_some_and(|order| order.order_id == "9"));
        if let Refusal::ExceedsSale(_) = refusal {
            assert_eq!(old.refusal, Some(OldRefusal::Unreadable { detail: detail() }));
        }
        let again: Decided = serde_json::from_slice(&json).unwrap();
        assert_eq!(again.refusal, Some(refusal));
    }
}

/// A fact of a later release is read, whatever reason it gives.
#[test]
fn a_reason_of_a_later_release_makes_no_fact_unreadable() {
    let fact = r#"{"partner":"US1","order_id":"1","kind":"sale","attempt":1,"placed":7,
        "refusal":{"reason":"too_heavy","kilograms":31}}"#;
    let decided: Decided = serde_json::from_str(fact).unwrap();
    assert_eq!((decided.placed, decided.refusal.unwrap().code()), (7, "other"));
}

/// 0.1.0 refuses an amendment as unreadable, so that it does not sell the order twice; the fact that confirms one it
/// reads as that of a further attempt.
#[test]
fn an_amendment_is_no_order_for_0_1_0_and_its_fact_is_one() {
    let amends =
        Amends { attempt: 1, placed: 5, decision: "d".into(), total: whole().total, order: None };
    let order = whole().amending(2, amends);
    let json = serde_json::to_string(&Amending { attempt: 2, order: &order }).unwrap();
    assert!(serde_json::from_str::<OldOrder>(&json).is_err(), "{json}");
    let decided = Decided {
        partner: order.partner.clone(),
        order_id: order.order_id.clone(),
        kind: order.kind,
        attempt: 2,
        placed: 9,
        in_force: None,
        refusal: None,
        order: Some(serde_json::value::to_raw_value(&order).unwrap()),
    };
    let old: OldDecided = serde_json::from_slice(&serde_json::to_vec(&decided).unwrap()).unwrap();
    assert_eq!((old.attempt, old.order.unwrap().lines.len()), (2, 1));
}

/// A writer that does not know the fact about a sale, or amendments, stops at the entry.
#[test]
fn an_entry_about_a_sale_is_of_no_kind_that_0_1_0_knows() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only read")]
    enum OldVerdict {
        Confirmed(Vec<Value>),
        Refused(Value),
        Cancelled { attempt: u32, movements: Vec<Value> },
        Kept(Value),
    }
    let (sale, movements) = (
        Returned {
            order_id: OrderId::parse("7").unwrap(),
            attempt: 1,
            placed: 3,
            returned: Pieces::new(),
            of_shipped: Pieces::new(),
            complete: false,
        },
        Vec::new(),
    );
    for verdict in [
        Verdict::Amended { attempt: 1, movements: movements.clone() },
        Verdict::Returned { movements: movements.clone(), sale: sale.clone() },
        Verdict::ReturnCancelled { attempt: 1, movements, sale },
    ] {
        let json = serde_json::to_string(&verdict).unwrap();
        assert!(serde_json::from_str::<OldVerdict>(&json).is_err(), "{json}");
        assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
    }
}

#[test]
fn an_order_without_anything_new_is_the_message_that_it_was() {
    for lines in [
        json!([{"product_id": "A", "quantity": 2, "price": 10}]),
        json!([{"product_id": "A", "quantity": -1, "price": 1, "description": "x", "category": "y"},
            {"product_id": "B", "quantity": -3, "price": 0.5}]),
    ] {
        let order = json!({"order_id": "1", "lines": lines, "region": "FR", "customer": "c1"});
        let now = serde_json::to_string(&placed(&order)).unwrap();
        let old: OldOrder = serde_json::from_str(&now).unwrap();
        assert_eq!(serde_json::to_string(&old).unwrap(), now);
        // And it is read again, with nothing where nothing was said.
        let again: Order = serde_json::from_str(&now).unwrap();
        assert_eq!(again, placed(&order));
    }
}

#[test]
fn a_writer_of_0_1_0_stops_at_an_entry_about_a_shipment() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only whether it can be read counts")]
    enum OldBody {
        Orders { outcomes: Vec<Value> },
        Set { key: String, available: Value },
        Skip { key: String, outcome: Value },
        First(Box<Self>),
    }
    let json = json!({"shipped": {"partner": "US1", "order_id": "7", "attempt": 1, "placed": 3,
        "shipment": {"number": 1, "products": {"A": 2}, "shipped_at": "2026-01-31T08:00:00Z"},
        "shipped": {"A": 2}, "complete": true}});
    let body: Body = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&body).unwrap(), json);
    assert!(serde_json::from_value::<OldBody>(json).is_err());
}

#[test]
fn a_decision_of_0_1_0_is_read() {
    let body = r#"{"orders":{"outcomes":[{"sequence":1,"order":{"order_id":"1"},"id":{"partner":"US1",
        "order_id":"1","kind":"sale","attempt":1},"verdict":{"confirmed":[{"product":"A","delta":-2}]}}]}}"#;
    let body: Body = serde_json::from_str(body).unwrap();
    assert_eq!(body.outcomes().len(), 1);
}
