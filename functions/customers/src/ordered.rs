//! What customers ordered: a fold of `orders.>`.
//!
//! Totals count what is confirmed, and fall with what is cancelled and with returns. Each fact says all that is
//! counted, so that facts of one order need not be told from those of another.

use domain::person::is_personal;
use domain::{CustomerId, Money, OrderId, PartnerId};
use messaging::subject::{self, OrderSubject};
use messaging::summary::Summary;
use messaging::{events, header, streams};
use serde::{Deserialize, Serialize};
use state::fold::{Event, Fold, Reading, Source, Unread};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

const PLACED: usize = 0;
/// Customers whose totals are held. One takes about 200 bytes with one currency: together less than 64 MiB.
pub(crate) const CUSTOMERS_MAX: usize = 250_000;
const SHARD_CUSTOMERS_MAX: usize = CUSTOMERS_MAX / Ordered::SHARDS;

/// The fold. It holds the newest orders, and at most so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ordered {
    shard_max: usize,
}

impl Ordered {
    pub(crate) fn up_to(orders: usize) -> Self {
        let even = orders / Self::SHARDS;
        Self { shard_max: even + even / 10 + 1 }
    }
}

/// What is known of the customers of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    /// By customer, as [`key`] writes it; each has its currencies in order.
    totals: HashMap<Box<str>, Vec<(Currency, Sum)>>,
    /// In the order in which they were placed.
    orders: VecDeque<Row>,
    /// When the first fact was stored that is counted, milliseconds since 1970.
    pub(crate) since_ms: Option<i64>,
}

/// An order that names its customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// As [`key`] writes it.
    pub(crate) customer: Box<str>,
    pub(crate) order: Box<str>,
    pub(crate) sequence: u64,
    /// When it was placed, milliseconds since 1970.
    pub(crate) placed_ms: i64,
    /// If it says something of the person: when it was ordered, and the digest of what it says.
    pub(crate) said: Option<(i64, Box<str>)>,
}

/// Three letters of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Currency([u8; 3]);

impl TryFrom<String> for Currency {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::try_from(&*code)
    }
}

impl TryFrom<&str> for Currency {
    type Error = &'static str;

    fn try_from(code: &str) -> Result<Self, Self::Error> {
        let letters = code.as_bytes().try_into().map_err(|_| "a currency has three letters")?;
        if code.is_ascii() { Ok(Self(letters)) } else { Err("a currency has three plain letters") }
    }
}

impl From<Currency> for String {
    fn from(Currency(letters): Currency) -> Self {
        letters.map(char::from).iter().collect()
    }
}

/// What orders in one currency come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sum {
    /// Sales that are confirmed and not cancelled.
    pub(crate) orders: i64,
    /// Returns, likewise.
    pub(crate) returns: i64,
    /// What both come to, in units of [`Money`].
    pub(crate) units: i64,
}

impl Sum {
    /// With another one; nothing if that cannot be held.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            orders: self.orders.checked_add(other.orders)?,
            returns: self.returns.checked_add(other.returns)?,
            units: self.units.checked_add(other.units)?,
        })
    }
}

/// `<partner>.<customer>`, both as tokens.
pub(crate) fn key(partner: &PartnerId, customer: &CustomerId) -> String {
    format!("{partner}.{}", subject::token(customer.as_str()))
}

/// The partner and the customer of a [`key`].
pub(crate) fn named(key: &str) -> Option<(PartnerId, CustomerId)> {
    let (partner, customer) = key.split_once('.')?;
    let customer = CustomerId::stored(&subject::text(customer)?).ok()?;
    Some((PartnerId::stored(partner).ok()?, customer))
}

/// The part of a fact's body that is counted.
#[derive(Deserialize)]
struct Fact {
    #[serde(rename = "type")]
    kind: String,
    data: Decided,
}

#[derive(Deserialize)]
struct Decided {
    partner: PartnerId,
    order: Option<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    customer: Option<Buyer>,
    currency: Currency,
    kind: domain::Kind,
    total: Money,
    /// What it came to before it was amended.
    amends: Option<Amended>,
}

#[derive(Deserialize)]
struct Amended {
    total: Money,
}

#[derive(Deserialize)]
struct Buyer {
    id: CustomerId,
}

/// What a message says.
#[derive(Debug)]
pub(crate) enum Said {
    /// An order was placed for the first time, or with another content.
    Placed(Row),
    /// Something is added to the totals of its customer.
    Change(Change),
}

/// What a message adds to the totals of a customer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    customer: String,
    currency: Currency,
    sum: Sum,
}

impl Change {
    fn new(
        customer: String,
        currency: Currency,
        kind: domain::Kind,
        total: Money,
        before: Option<Money>,
        sign: i64,
    ) -> Result<Self, Unread> {
        let (orders, returns) = match (kind, before) {
            // An amended order was counted before.
            (_, Some(_)) => (0, 0),
            (domain::Kind::Sale, None) => (sign, 0),
            (domain::Kind::Return, None) => (0, sign),
        };
        let units = total.units().checked_mul(sign);
        let units = units.and_then(|units| units.checked_sub(before.map_or(0, Money::units)));
        let units = units.ok_or("its total is too large")?;
        Ok(Self { customer, currency, sum: Sum { orders, returns, units } })
    }
}

/// What a fact adds; nothing if it changes no total.
fn change(event: &Event<'_>) -> Result<Option<Change>, Unread> {
    let (reason, in_force) = (event.header(header::REASON), event.header(header::IN_FORCE));
    let sign = match (event.subject.split('.').nth(1), reason, in_force) {
        (Some("confirmed"), None, None) => 1,
        (Some("refused"), Some("cancelled"), _) => -1,
        // Refused, or kept: what is confirmed stays.
        _ => return Ok(None),
    };
    if !header::is_fact(event.headers) {
        return Ok(None);
    }
    match summed(event) {
        Some((currency, kind, summary)) => {
            let customer = summary.customer.filter(|customer| is_plain(customer));
            let customer = customer.map(|customer| of_partner(event, &customer));
            let Summary { total, before, .. } = summary;
            let change = |customer| Change::new(customer?, currency, kind, total, before, sign);
            customer.map(change).transpose()
        }
        None => change_in_body(event.payload()?, sign),
    }
}

/// What the headers of a fact say; nothing if they do not say it all, as with facts of earlier releases.
fn summed<'e>(event: &Event<'e>) -> Option<(Currency, domain::Kind, Summary<'e>)> {
    let summary = Summary::parse(event.header(header::SUMMARY)?)?;
    let currency = Currency::try_from(&*summary.currency).ok()?;
    let kind = match event.header(header::KIND)? {
        "sale" => domain::Kind::Sale,
        "return" => domain::Kind::Return,
        _ => return None,
    };
    Some((currency, kind, summary))
}

/// The same of its body.
fn change_in_body(body: &[u8], sign: i64) -> Result<Option<Change>, Unread> {
    let fact: Fact = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if ![events::ORDER_CONFIRMED, events::ORDER_REFUSED].contains(&fact.kind.as_str()) {
        return Ok(None);
    }
    let Decided { partner, order: Some(order) } = fact.data else { return Ok(None) };
    let Some(Buyer { id }) = order.customer else { return Ok(None) };
    // As 0.1.0 wrote it. Checkpoints hold no such ids.
    if is_personal(id.as_str()) {
        return Ok(None);
    }
    let before = order.amends.map(|before| before.total);
    let customer = key(&partner, &id);
    Change::new(customer, order.currency, order.kind, order.total, before, sign).map(Some)
}

/// [`key`] of a customer, as a token, of the partner whom the subject names.
fn of_partner(event: &Event<'_>, customer: &str) -> Result<String, Unread> {
    let partner = event.subject.split('.').nth(3).ok_or("the subject is not that of an order")?;
    Ok(format!("{partner}.{customer}"))
}

/// The customer of a message that places the first attempt of an order, or one with another content.
fn placed(event: &Event<'_>) -> Option<String> {
    let is_first = event.header(header::ATTEMPT).is_none_or(|attempt| attempt == "1");
    let says = is_first || event.header(header::AMENDS).is_some();
    let customer = event.header(header::CUSTOMER).filter(|_| says)?;
    let partner = event.subject.split('.').nth(3)?;
    is_plain(customer).then(|| format!("{partner}.{customer}"))
}

/// Is a token none of an e-mail address or a telephone number?
fn is_plain(customer: &str) -> bool {
    if customer.contains('=') {
        return subject::text(customer).is_some_and(|id| !is_personal(&id));
    }
    !is_personal(customer)
}

impl Fold for Ordered {
    type State = Known;
    type Said = Said;

    const NAME: &'static str = "customers";
    const VERSION: u32 = 2;
    const SOURCES: &'static [Source] = &[
        Source { stream: streams::ORDERS, filter: "orders.placed.>", headers_only: true },
        Source { stream: streams::ORDERS, filter: "orders.confirmed.>", headers_only: true },
        Source { stream: streams::ORDERS, filter: "orders.refused.>", headers_only: true },
    ];
    const SHARDS: usize = 32;

    /// With another limit other orders are left out.
    fn settings(&self) -> String {
        format!("up-to-{}", self.shard_max)
    }

    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, Said> {
        if event.source == PLACED {
            let row = placed(event).map(|customer| row(event, customer)).transpose()?;
            return Ok(row.map(|row| (Cow::Owned(row.customer.to_string()), Said::Placed(row))));
        }
        let change = change(event)?;
        Ok(change.map(|change| (Cow::Owned(change.customer.clone()), Said::Change(change))))
    }

    fn apply(&self, known: &mut Known, event: &Event<'_>, said: Said) -> Result<(), String> {
        match said {
            Said::Placed(row) => {
                known.add(row, event.header(header::AMENDS).is_some());
                known.forget(event.kept_from, self.shard_max);
                Ok(())
            }
            Said::Change(change) => known.count(change, event.time_ms),
        }
    }

    fn held(known: &Known) -> usize {
        known.orders.len() + known.totals.len()
    }
}

fn row(event: &Event<'_>, customer: String) -> Result<Row, Unread> {
    let OrderSubject { order_id, .. } =
        OrderSubject::parse(event.subject).ok_or("the subject is not that of an order")?;
    let digest = event.header(header::PERSON).map(Box::from);
    let ordered = event.header(header::ORDERED).and_then(|text| text.parse().ok());
    Ok(Row {
        customer: customer.into(),
        order: order_id.as_str().into(),
        sequence: event.sequence,
        placed_ms: event.time_ms,
        said: ordered.zip(digest),
    })
}

impl Known {
    /// An order that is amended is listed once, with what it says of the person now. If it says nothing new, nothing
    /// changes: a card that people edited since is not moved back.
    fn add(&mut self, row: Row, is_amended: bool) {
        let same = |known: &Row| (&known.customer, &known.order) == (&row.customer, &row.order);
        let before = if is_amended { self.orders.iter().rposition(same) } else { None };
        let placed_ms = match before {
            Some(_) if row.said.is_none() => return,
            Some(at) => self.orders.remove(at).map_or(row.placed_ms, |before| before.placed_ms),
            None => row.placed_ms,
        };
        self.orders.push_back(Row { placed_ms, ..row });
    }

    fn forget(&mut self, kept_from: u64, max: usize) {
        let is_gone = |row: &Row| row.sequence < kept_from;
        while self.orders.front().is_some_and(is_gone) || max < self.orders.len() {
            self.orders.pop_front();
        }
    }

    fn count(&mut self, change: Change, time_ms: i64) -> Result<(), String> {
        let Change { customer, currency, sum } = change;
        let is_full = SHARD_CUSTOMERS_MAX <= self.totals.len();
        if is_full && !self.totals.contains_key(&*customer) {
            return Err(format!(
                "one of the {} shards has {SHARD_CUSTOMERS_MAX} customers already, which is the limit; a new \
                 one is not counted",
                Ordered::SHARDS
            ));
        }
        let totals = self.totals.entry(customer.into()).or_default();
        match totals.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, total)) => {
                *total = total.plus(sum).ok_or("the total of the customer is too large")?;
            }
            None => {
                // Most customers have one currency.
                totals.reserve_exact(1);
                totals.push((currency, sum));
                totals.sort_unstable_by_key(|(currency, _)| *currency);
            }
        }
        self.since_ms = Some(self.since_ms.map_or(time_ms, |since| since.min(time_ms)));
        Ok(())
    }

    /// What a customer ordered, by currency.
    pub(crate) fn totals(&self, customer: &str) -> Option<&[(Currency, Sum)]> {
        self.totals.get(customer).map(Vec::as_slice)
    }

    /// The orders of a customer, newest first.
    pub(crate) fn orders<'k>(&'k self, customer: &'k str) -> impl Iterator<Item = &'k Row> {
        self.orders.iter().rev().filter(move |row| &*row.customer == customer)
    }

    /// Orders behind `sequence` that say something of a person.
    pub(crate) fn said_since(&self, sequence: u64) -> impl Iterator<Item = &Row> {
        let from = self.orders.partition_point(|row| row.sequence <= sequence);
        self.orders.range(from..).filter(|row| row.said.is_some())
    }

    /// The sequence of the last order.
    pub(crate) fn last(&self) -> u64 {
        self.orders.back().map_or(0, |row| row.sequence)
    }
}

/// The id of the order of a row.
pub(crate) fn order_id(row: &Row) -> Option<OrderId> {
    OrderId::stored(&row.order).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(customer: usize, currency: &str) -> Change {
        let currency = Currency::try_from(currency.to_owned()).unwrap();
        let sum = Sum { orders: 1, returns: 0, units: 5 };
        Change { customer: format!("US1.{customer}"), currency, sum }
    }

    #[test]
    fn a_shard_holds_so_many_customers_and_goes_on_counting_those() {
        let mut known = Known::default();
        for customer in 0..SHARD_CUSTOMERS_MAX {
            known.count(change(customer, "EUR"), 1).unwrap();
        }
        let refused = known.count(change(SHARD_CUSTOMERS_MAX, "EUR"), 1).unwrap_err();
        assert!(refused.contains("7812 customers"), "{refused}");
        for currency in ["USD", "CHF", "EUR"] {
            known.count(change(0, currency), 1).unwrap();
        }
        let json = serde_json::to_string(&known).unwrap();
        let again: Known = serde_json::from_str(&json).unwrap();
        let totals = again.totals("US1.0").unwrap();
        let totals: Vec<_> =
            totals.iter().map(|(code, sum)| (String::from(*code), sum.orders)).collect();
        assert_eq!(totals, [("CHF".to_owned(), 1), ("EUR".to_owned(), 2), ("USD".to_owned(), 1)]);
        assert_eq!(again.totals(&format!("US1.{SHARD_CUSTOMERS_MAX}")), None);
    }

    #[test]
    fn totals_fit_the_memory_that_is_set_aside() {
        // A place in the table, at most half of which is empty; the text of an id; one currency; and what malloc adds.
        let place = 2 * (size_of::<(Box<str>, Vec<(Currency, Sum)>)>() + 1);
        let bytes = place + (40 + 8) + (size_of::<(Currency, Sum)>() + 16);
        assert!(CUSTOMERS_MAX * bytes < 64 << 20, "{bytes}");
    }
}
