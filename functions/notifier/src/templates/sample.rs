//! Facts that a template is tried with.

use crate::facts::{self, Shop};
use crate::notice::Notice;
use chrono_tz::Tz;
use minijinja::Value;
use serde_json::json;

/// What a template of a notice may use: all of it, or only what is always there.
pub(crate) fn sample(notice: Notice, language: &str, is_full: bool, shop: Option<&Shop>) -> Value {
    let lamps = Shop { name: "Lamps & Co".into(), zone: Tz::UTC };
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
    let sign = if notice.is_return() { -1 } else { 1 };
    let amount = |text: &str| if sign < 0 { format!("-{text}") } else { text.to_owned() };
    let mut order = json!({
        "order_id": "A-1001", "partner": "DIRECT", "warehouse": "main", "kind": if sign < 0 { "return" } else { "sale" },
        "attempt": 1, "ordered_at": "2026-11-30T10:15:00Z", "currency": "EUR", "stock": "enforce",
        "lines": [{"product_id": "P001", "quantity": 2 * sign, "unit_price": "49.90"}],
        "total": amount("99.80"),
    });
    let mut decided = json!({"partner": "DIRECT", "order_id": "A-1001", "kind": order["kind"], "attempt": 1, "placed": 1});
    if is_full {
        order["lines"][0]["description"] = "Desk lamp <oak>".into();
        order["charges"] = json!([{"kind": "shipping", "amount": amount("4.90")}]);
        order["total"] = amount("104.70").into();
        order["metadata"] = json!({"channel": "web"});
        if sign < 0 {
            order["returns"] = "A-1000".into();
        }
    }
    if notice == Notice::OrderOutOfStock {
        decided["refusal"] = match is_full {
            true => {
                json!({"reason": "insufficient_stock", "product": "P001", "requested": 2, "available": 1})
            }
            false => json!({"reason": "unknown_product", "product": "P001"}),
        };
    }
    decided["order"] = order;
    let name = is_full.then_some("Ana Lópes");
    facts::order(shop, &decided, name, language)
}
