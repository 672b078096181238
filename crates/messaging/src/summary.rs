//! What a header says of an order, so that lists and totals need no bodies.
//!
//! The header [`header::SUMMARY`](crate::header::SUMMARY) is one line of `name=value` with `;` between them. It is one
//! header and not six, because each costs every reader of the message about as much as all of these parts.

use crate::subject::token;
use chrono::{DateTime, Utc};
use domain::Money;
use domain::person::is_personal;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Longest region that is repeated, in bytes of its token.
const REGION_BYTES_MAX: usize = 64;

/// The parts of an order that are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary<'a> {
    /// ISO 4217.
    pub currency: Cow<'a, str>,
    /// What the order comes to; below zero for a return.
    pub total: Money,
    /// Of an amendment: what the attempt came to whose place it takes.
    pub before: Option<Money>,
    /// When it was ordered, milliseconds since 1970.
    pub ordered_ms: i64,
    /// Who buys, as a token. Nothing also where the id is an e-mail address or a telephone number.
    pub customer: Option<Cow<'a, str>>,
    /// Country or sales region, as a token. Nothing also where it has more than 64 bytes.
    pub region: Option<Cow<'a, str>>,
    /// The partner says that the customer is a VIP.
    pub vip: bool,
}

/// The same parts of an order as it was placed.
#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(borrow)]
    currency: Cow<'a, str>,
    total: Money,
    #[serde(default)]
    amends: Option<Amended>,
    ordered_at: DateTime<Utc>,
    #[serde(default, borrow)]
    customer: Option<Buyer<'a>>,
    #[serde(default)]
    region: Option<String>,
}

#[derive(Deserialize)]
struct Amended {
    total: Money,
}

#[derive(Deserialize)]
struct Buyer<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    vip: bool,
}

impl<'a> Summary<'a> {
    /// What it says of an order as JSON; nothing if it is none.
    #[must_use]
    pub fn of_raw(order: &'a RawValue) -> Option<Self> {
        serde_json::from_str::<Counted<'_>>(order.get()).ok().map(Self::from)
    }

    /// Reads what [`Summary::to_string`] wrote. What a later release adds is passed over; nothing if a part is missing,
    /// given twice or not as it should be.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (mut currency, mut total, mut before, mut ordered) = (None, None, None, None);
        let (mut customer, mut region, mut vip) = (None, None, None);
        for part in text.split(';') {
            let (name, value) = part.split_once('=')?;
            let place = match name {
                "currency" => &mut currency,
                "total" => &mut total,
                "before" => &mut before,
                "ordered" => &mut ordered,
                "customer" => &mut customer,
                "region" => &mut region,
                "vip" => &mut vip,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let is_token = |text: &&str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-=".contains(&byte);
            !text.is_empty() && text.bytes().all(is_part)
        };
        if !currency.iter().chain(&customer).chain(&region).all(is_token) {
            return None;
        }
        Some(Self {
            currency: Cow::Borrowed(currency?),
            total: Money::parse(total?).ok()?,
            before: before.map(Money::parse).transpose().ok()?,
            ordered_ms: ordered?.parse().ok()?,
            customer: customer.map(Cow::Borrowed),
            region: region.map(Cow::Borrowed),
            vip: match vip {
                None | Some("0") => false,
                Some("1") => true,
                Some(_) => return None,
            },
        })
    }
}

impl<'a> From<Counted<'a>> for Summary<'a> {
    fn from(order: Counted<'a>) -> Self {
        let vip = order.customer.as_ref().is_some_and(|customer| customer.vip);
        let is_plain = |id: &str| !id.is_empty() && !is_personal(id);
        let customer = order.customer.filter(|customer| is_plain(&customer.id));
        let region = order.region.map(|region| token(&region));
        let region = region.filter(|it| !it.is_empty() && it.len() <= REGION_BYTES_MAX);
        Self {
            currency: order.currency,
            total: order.total,
            before: order.amends.map(|before| before.total),
            ordered_ms: order.ordered_at.timestamp_millis(),
            customer: customer.map(|customer| Cow::Owned(token(&customer.id))),
            region: region.map(Cow::Owned),
            vip,
        }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, total, ordered_ms, .. } = self;
        write!(f, "currency={};total={total};ordered={ordered_ms}", token(currency))?;
        if let Some(before) = &self.before {
            write!(f, ";before={before}")?;
        }
        if let Some(customer) = &self.customer {
            write!(f, ";customer={customer}")?;
        }
        if let Some(region) = &self.region {
            write!(f, ";region={region}")?;
        }
        if self.vip {
            f.write_str(";vip=1")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(json: &serde_json::Value) -> Option<String> {
        let raw = RawValue::from_string(json.to_string()).unwrap();
        Summary::of_raw(&raw).map(|summary| summary.to_string())
    }

    fn order() -> serde_json::Value {
        serde_json::json!({"order_id": "A1", "partner": "US1", "warehouse": "main", "kind": "sale", "attempt": 1,
            "ordered_at": "2026-01-01T00:00:00Z", "currency": "EUR", "customer": {"id": "c.1", "vip": true},
            "region": "Île", "stock": "enforce", "lines": [], "total": "-19.40"})
    }

    #[test]
    fn what_it_says_of_an_order_is_read_again() {
        let text = of(&order()).unwrap();
        let expected =
            "currency=EUR;total=-19.40;ordered=1767225600000;customer=c=2E1;region==C3=8Ele;vip=1";
        assert_eq!(text, expected);
        let raw = RawValue::from_string(order().to_string()).unwrap();
        assert_eq!(Summary::parse(&text), Summary::of_raw(&raw));
    }

    #[test]
    fn an_amendment_says_what_the_attempt_before_came_to() {
        let mut order = order();
        order["amends"] =
            serde_json::json!({"attempt": 1, "placed": 2, "decision": "d", "total": "5.00"});
        let text = of(&order).unwrap();
        assert!(text.contains(";before=5.00;customer="), "{text}");
        assert_eq!(Summary::parse(&text).unwrap().before, Some(Money::parse("5").unwrap()));
        assert_eq!(Summary::parse("currency=EUR;total=1;before=x;ordered=2"), None);
    }

    #[test]
    fn a_personal_id_and_a_long_region_are_left_out() {
        for id in ["ana@example.org", "+33612345678"] {
            let mut order = order();
            order["customer"]["id"] = id.into();
            order["region"] = "x".repeat(65).into();
            let expected = "currency=EUR;total=-19.40;ordered=1767225600000;vip=1";
            assert_eq!(of(&order).as_deref(), Some(expected));
        }
        assert_eq!(of(&serde_json::json!({"currency": "EUR"})), None, "no order");
    }

    #[test]
    fn what_is_not_as_it_should_be_says_nothing() {
        let good = "currency=EUR;total=1;ordered=2";
        assert!(Summary::parse(&format!("{good};later=x y")).is_some(), "of a later release");
        for bad in [
            "",
            "currency=EUR;total=1",
            "currency=EUR;total=x;ordered=2",
            "currency=EUR;total=1;ordered=2.5",
            "currency=;total=1;ordered=2",
            "currency=EUR;total=1;ordered=2;total=1",
            "currency=EUR;total=1;ordered=2;vip=yes",
            "currency=EUR;total=1;ordered=2;customer=",
            "currency=EUR;total=1;ordered=2;customer=a b",
            "currency=EUR;total=1;ordered=2;customer=a.b",
            "currency=EUR;total=1;ordered=2;",
        ] {
            assert_eq!(Summary::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_order_is_read_again(id in any::<String>(), region in any::<String>(), units in any::<i32>()) {
            let mut order = order();
            order["customer"]["id"] = id.into();
            order["region"] = region.into();
            order["total"] = Money::from_units(units.into()).to_string().into();
            let raw = RawValue::from_string(order.to_string()).unwrap();
            let summary = Summary::of_raw(&raw).unwrap();
            let text = summary.to_string();
            prop_assert_eq!(Summary::parse(&text), Some(summary));
        }

        #[test]
        fn reading_never_panics(text in any::<String>()) {
            if let Some(summary) = Summary::parse(&text) {
                let again = summary.to_string();
                prop_assert_eq!(Summary::parse(&again), Some(summary));
            }
        }
    }
}
