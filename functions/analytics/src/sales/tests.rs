//! What single facts change; whole streams are in `tests`.

use super::figures::CURRENCIES_MAX;
use super::fold::Shard;
use super::table::SHARD_ROWS_MAX;
use super::*;
use async_nats::HeaderMap;
use bytes::Bytes;
use messaging::header;
use serde_json::{Value, json};
use state::fold::{Event, Fold as _};

fn order(more: &Value) -> Value {
    let mut order = json!({"order_id": "A1", "partner": "US1", "warehouse": "main", "kind": "sale", "attempt": 1,
        "ordered_at": "2026-01-31T23:30:00Z", "currency": "EUR", "stock": "enforce", "total": "24.90",
        "lines": [{"product_id": "P1", "quantity": 2, "unit_price": "10.00", "discount": "1.00", "category": "lamps"},
                  {"product_id": "P1", "quantity": 1, "unit_price": "1.00"}],
        "charges": [{"kind": "shipping", "amount": "4.90"}]});
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

struct Counted {
    shard: Shard,
    sequence: u64,
}

impl Counted {
    fn new() -> Self {
        Self { shard: Shard::default(), sequence: 0 }
    }

    fn fact(&mut self, stage: &str, headers: &[(&str, &str)], kind: &str, order: &Value) -> bool {
        let mut all = HeaderMap::new();
        all.insert(header::DECISION_SEQUENCE, "1");
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        let data = json!({"partner": "US1", "order_id": "A1", "order": order});
        let kind = format!("orderflow.order.{kind}.v1");
        let payload =
            json!({"specversion": "1.0", "id": "1", "source": "/x", "type": kind, "data": data});
        let payload = Bytes::from(payload.to_string());
        self.sequence += 1;
        let subject = format!("orders.{stage}.main.US1.A1");
        let event = Event {
            source: 0,
            sequence: self.sequence,
            time_ms: 1_769_900_000_000 + i64::try_from(self.sequence).unwrap(),
            subject: &subject,
            headers: Some(&all),
            payload: Some(&payload),
            kept_from: 0,
        };
        let Some((key, said)) = Sales.read(&event).unwrap() else { return false };
        assert_eq!(key, "US1");
        Sales.apply(&mut self.shard, &event, said).unwrap();
        true
    }

    fn confirm(&mut self, order: &Value) {
        assert!(self.fact("confirmed", &[], "confirmed", order));
    }

    fn cancel(&mut self, order: &Value) {
        assert!(self.fact("refused", &[(header::REASON, "cancelled")], "refused", order));
    }

    fn totals(&self) -> Value {
        let totals = totals(&[&self.shard], &crate::invoiced::Sums::default(), None, None, 5);
        serde_json::to_value(&totals).unwrap()
    }

    fn by(&self, dimension: Dimension) -> Value {
        let by = (dimension, Order::default());
        serde_json::to_value(listed(&[&self.shard], None, by, None, 10)).unwrap()
    }
}

#[test]
fn an_order_is_counted_by_all_that_its_fact_says() {
    let mut counted = Counted::new();
    counted.confirm(&order(&json!({"customer": {"id": "c", "vip": true}, "region": "FR"})));
    let text = serde_json::to_string(&counted.totals()).unwrap();
    // As a number with the digits that it has.
    assert!(text.contains(r#""total_revenue":24.9"#), "{text}");
    let totals = counted.totals();
    assert_eq!(totals["total_orders"], 1);
    assert_eq!(totals["orders_by_region"], json!({"FR": 1}));
    assert_eq!(totals["top_products"], json!({"P1": 1}), "an order counts once for a product");
    assert_eq!(totals["charges"], json!({"EUR": "4.90"}));
    assert_eq!(totals["vip_sales"], json!({"EUR": "24.90"}));
    let categories = json!({"lamps": {"EUR": "19.00"}, "unknown": {"EUR": "1.00"}});
    assert_eq!(totals["categories"], categories);
    let row =
        json!({"key": "P1", "orders": 1, "returns": 0, "pieces": 3, "revenue": {"EUR": "20.00"}});
    assert_eq!(counted.by(Dimension::Product)["rows"], json!([row]));
    let keys = [Dimension::Hour, Dimension::Day].map(|by| counted.by(by)["rows"][0]["key"].clone());
    assert_eq!(keys, ["23", "2026-01-31"]);
}

#[test]
fn what_is_cancelled_or_returned_is_taken_away_and_other_messages_mean_nothing() {
    let mut counted = Counted::new();
    let sale = order(&json!({}));
    counted.confirm(&sale);
    counted.cancel(&sale);
    counted.confirm(&sale);
    let lines =
        json!([{"product_id": "P1", "quantity": -1, "unit_price": "10.00", "discount": "0.50"}]);
    let back = order(&json!({"kind": "return", "total": "-9.50", "lines": lines, "charges": []}));
    counted.confirm(&back);
    counted.confirm(&back);
    counted.cancel(&back);
    assert!(counted.fact("refused", &[(header::REASON, "insufficient_stock")], "refused", &sale));
    for (stage, headers, kind) in [
        ("confirmed", &[(header::REASON, "shipped")][..], "kept"),
        ("confirmed", &[(header::IN_FORCE, "3")], "kept"),
        ("placed", &[], "placed"),
        ("returned", &[], "returned"),
        ("shipped", &[], "shipped"),
    ] {
        assert!(!counted.fact(stage, headers, kind, &sale), "{stage} {kind}");
    }
    let totals = counted.totals();
    assert_eq!((&totals["total_orders"], &totals["returns"]), (&json!(1), &json!(1)));
    assert_eq!(totals["revenue"], json!({"EUR": "15.40"}));
    assert_eq!(totals["pieces"], 2);
    assert_eq!(totals["average_basket"], json!({"EUR": "24.90"}));
    assert_eq!((&totals["error_count"], &totals["cancelled"]), (&json!(1), &json!(2)));
    assert_eq!(totals["refusals"], json!({"insufficient_stock": 1}));
    // One of five decisions.
    assert_eq!(totals["refusal_rate"], json!(0.2));
}

#[test]
fn what_finds_no_room_is_added_up_and_said() {
    let mut counted = Counted::new();
    counted.confirm(&order(&json!({})));
    counted.shard.rows = SHARD_ROWS_MAX;
    counted.confirm(&order(&json!({"region": "ES"})));
    counted.confirm(&order(&json!({"region": "IT"})));
    counted.confirm(&order(&json!({})));
    let by = counted.by(Dimension::Region);
    let keys: Vec<_> =
        by["rows"].as_array().unwrap().iter().map(|row| row["key"].clone()).collect();
    assert_eq!(keys, ["unknown"]);
    assert_eq!((&by["rows"][0]["orders"], &by["others"]["orders"]), (&json!(2), &json!(2)));
    assert!(by["note"].as_str().unwrap().contains("50000 rows"), "{by}");
    assert_eq!(counted.totals()["total_orders"], 4);
}

/// Senders write codes of currencies, and nothing says which there are.
#[test]
fn currencies_that_a_sender_makes_up_take_no_more_than_their_room() {
    let code = |n: usize| {
        let letter = |n: usize| char::from(b'A' + u8::try_from(n % 26).unwrap());
        format!("Q{}{}", letter(n / 26), letter(n))
    };
    let mut counted = Counted::new();
    counted.confirm(&order(&json!({})));
    for n in 0..600 {
        counted.confirm(&order(&json!({"currency": code(n)})));
    }
    let totals = counted.totals();
    let revenue = totals["revenue"].as_object().unwrap();
    assert_eq!((revenue.len(), &revenue["EUR"]), (CURRENCIES_MAX + 1, &json!("24.90")));
    // 401 of them: what is known keeps its name, and the rest has none.
    assert_eq!(revenue["XXX"], json!("9984.90"));
    counted.cancel(&order(&json!({"currency": code(599)})));
    counted.cancel(&order(&json!({"currency": code(0)})));
    let totals = counted.totals();
    assert_eq!(
        (&totals["revenue"]["XXX"], &totals["revenue"]["QAA"]),
        (&json!("9960.00"), &json!("0.00"))
    );
    assert_eq!(totals["total_orders"], 599);
    // Each currency of a row takes room of the table, until there is none.
    let mut counted = Counted::new();
    counted.confirm(&order(&json!({})));
    let rows = counted.shard.rows;
    counted.confirm(&order(&json!({"currency": "QAA"})));
    assert_eq!(counted.shard.rows, 2 * rows, "as many again");
    counted.shard.rows = SHARD_ROWS_MAX;
    counted.confirm(&order(&json!({"currency": "QAB"})));
    let by = counted.by(Dimension::Region);
    assert_eq!(by["rows"][0]["revenue"], json!({"EUR": "24.90", "QAA": "24.90"}), "{by}");
    assert_eq!(by["others"]["revenue"], json!({"QAB": "24.90"}), "{by}");
}

#[test]
fn currencies_are_told_apart_and_the_one_of_most_orders_is_the_total() {
    let mut counted = Counted::new();
    counted.confirm(&order(&json!({"currency": "USD"})));
    counted.confirm(&order(&json!({"currency": "USD"})));
    counted.confirm(&order(&json!({"currency": "CHF", "total": "1000000.0001"})));
    let totals = counted.totals();
    assert_eq!(totals["currency"], "USD");
    assert_eq!(totals["revenue"], json!({"CHF": "1000000.0001", "USD": "49.80"}));
    let text = serde_json::to_string(&counted.shard).unwrap();
    let shard: Shard = serde_json::from_str(&text).unwrap();
    assert_eq!((Counted { shard, sequence: 0 }).totals(), totals, "as a checkpoint keeps it");
}
