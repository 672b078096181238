//! What several verbs need.

use std::str::FromStr;

use domain::currency;
use domain::{Money, OrderId, PartnerId};
use serde_json::Value;

/// An order of a partner.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(super) partner: PartnerId,
    pub(super) id: OrderId,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (partner, id) = text.split_once('/').ok_or("is not PARTNER/ORDER, as US1/A1")?;
        let partner = PartnerId::parse(partner).map_err(|error| format!("the partner {error}"))?;
        let id = OrderId::parse(id).map_err(|error| format!("the order {error}"))?;
        Ok(Self { partner, id })
    }
}

/// A field that is text, or nothing.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is an amount, with the decimals of its currency.
pub(super) fn amount(value: &Value, field: &str, currency: &str) -> String {
    let text = text(value, field);
    Money::parse(text).map_or_else(|_| text.to_owned(), |money| currency::shown(money, currency))
}
