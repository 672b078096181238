//! Facts that a template is tried with.
#![expect(clippy::indexing_slicing, reason = "what is changed is a literal of this file")]

use crate::facts::{self, Shop};
use crate::notice::Notice;
use chrono::DateTime;
use chrono_tz::Tz;
use minijinja::Value;
use serde_json::{Value as Json, json};

/// What a template of a notice may use: all of it, or only what is always there.
pub(crate) fn sample(notice: Notice, language: &str, is_full: bool, shop: Option<&Shop>) -> Value {
    let lamps = Shop { name: "Lamps & Co".into(), zone: Tz::UTC, net: None };
    let shop = shop.unwrap_or(&lamps);
    if notice.is_alert() {
        let mut data = match notice {
            Notice::AlertPartners => {
                json!({"function": "order-ingest", "digest": "0123", "alert": "partners",
                "problems": ["partners.US1.currency: missing"]})
            }
            _ => json!({"partner": "US1", "date": "2026-11-30", "deadline": "2026-11-30T08:00:00Z",
                "expected": "daily by 08:00"}),
        };
        if is_full && let Some(data) = data.as_object_mut() {
            data.insert("newest".into(), "2026-11-29T07:58:00Z".into());
        }
        return facts::alert(shop, data);
    }
    let name = is_full.then_some("Ana Lópes");
    if notice == Notice::OrderShipped {
        let mut data = json!({"partner": "DIRECT", "order_id": "A-1001", "attempt": 1, "placed": 1,
            "shipment": {"number": 1, "products": {"P001": 2}, "shipped_at": "2026-12-01T15:00:00Z"},
            "shipped": {"P001": 2}, "complete": is_full});
        if is_full && let Some(shipment) = data.get_mut("shipment").and_then(Json::as_object_mut) {
            shipment.insert("carrier".into(), "DHL".into());
            shipment.insert("tracking".into(), "JD0146".into());
        }
        return facts::shipped(shop, &data, &order(1, is_full), name, language);
    }
    if notice.is_document() {
        return document(shop, notice, is_full, name, language);
    }
    let sign = if notice.is_return() { -1 } else { 1 };
    let order = order(sign, is_full);
    let mut decided = json!({"partner": "DIRECT", "order_id": "A-1001", "kind": order["kind"], "attempt": 1, "placed": 1});
    if notice == Notice::OrderOutOfStock {
        decided["refusal"] = match is_full {
            true => {
                json!({"reason": "insufficient_stock", "product": "P001", "requested": 2, "available": 1})
            }
            false => json!({"reason": "unknown_product", "product": "P001"}),
        };
    }
    decided["order"] = order;
    if notice == Notice::OrderAmended {
        decided["order"]["amends"] =
            json!({"attempt": 1, "placed": 1, "decision": "d", "total": "49.90"});
    }
    facts::order(shop, (&decided, DateTime::UNIX_EPOCH), name, language)
}

/// An order as it was placed: a sale, or with -1 a return.
fn order(sign: i64, is_full: bool) -> Json {
    let amount = |text: &str| if sign < 0 { format!("-{text}") } else { text.to_owned() };
    let mut order = json!({
        "order_id": "A-1001", "partner": "DIRECT", "warehouse": "main", "kind": if sign < 0 { "return" } else { "sale" },
        "attempt": 1, "ordered_at": "2026-11-30T10:15:00Z", "currency": "EUR", "stock": "enforce",
        "lines": [{"product_id": "P001", "quantity": 2 * sign, "unit_price": "49.90"}],
        "total": amount("99.80"),
    });
    if is_full {
        order["lines"][0]["description"] = "Desk lamp <oak>".into();
        order["charges"] = json!([{"kind": "shipping", "amount": amount("4.90")}]);
        order["total"] = amount("104.70").into();
        order["metadata"] = json!({"channel": "web"});
        if sign < 0 {
            order["returns"] = "A-1000".into();
        }
    }
    order
}

/// An invoice or a credit note.
fn document(
    shop: &Shop,
    notice: Notice,
    is_full: bool,
    name: Option<&str>,
    language: &str,
) -> Value {
    let mut document = json!({"number": "F-2026-000042", "issued_on": "2026-12-01", "currency": "EUR", "prices": "net",
        "supply": {"order_id": "A-1001", "ordered_at": "2026-11-30T10:15:00Z"},
        "lines": [{"product_id": "P001", "quantity": 2, "unit_price": "49.90", "amount": "99.80"}],
        "totals": {"tax": "19.96", "payable": "119.76"}});
    if is_full {
        document["lines"][0]["description"] = "Desk lamp <oak>".into();
        document["charges"] = json!([{"kind": "shipping", "amount": "0.00"}]);
        if notice == Notice::CreditNoteIssued {
            document["original"] = json!({"number": "F-2026-000041"});
        } else {
            document["due_on"] = "2026-12-31".into();
        }
    }
    facts::document(shop, &document, name, language).unwrap_or_default()
}
