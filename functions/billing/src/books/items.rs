//! What is open, due and overdue, and what waits for a correction.

use super::balances::Balance;
use super::folds::Shelf;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use domain::Money;
use domain::invoice::BalanceState;
use messaging::subject;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Which items are asked for: all that is named has to fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) partner: Option<String>,
    /// As a token.
    pub(crate) customer: Option<String>,
    /// As a token.
    pub(crate) order: Option<String>,
    pub(crate) warehouse: Option<String>,
    pub(crate) seller: Option<String>,
    /// Only what was never invoiced.
    pub(crate) without_invoice: bool,
    /// Due before this day, and not paid.
    pub(crate) overdue_on: Option<NaiveDate>,
    /// Only what waits for a correction.
    pub(crate) held: bool,
    pub(crate) limit: usize,
}

/// Orders of which something is open or held.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Items {
    /// What is due first comes first.
    pub(crate) items: Vec<Item>,
    /// Are there more than `limit`?
    pub(crate) more: bool,
    /// Sums of all that fit, also of those that are not shown, by currency.
    pub(crate) sums: BTreeMap<String, Open>,
    /// Orders that are not among them, because more are open than this process may hold
    /// (`ORDERFLOW_BILLING_DOCUMENTS_MAX`).
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) left_out: u64,
    /// Why nothing was found: partners.yml has no such partner or seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Sums in one currency.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Open {
    /// How many orders.
    orders: u64,
    /// What has to be paid.
    open: Money,
    /// What of that is due since before today.
    overdue: Money,
    /// What has to be refunded, above zero.
    refund: Money,
}

/// An order of which something is open or held.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(rename = "OpenItem")]
pub(crate) struct Item {
    /// The day; what is held and was never invoiced has none.
    due_on: Option<NaiveDate>,
    /// `PARTNER/ORDER`, as commands take it.
    id: String,
    partner: String,
    order_id: String,
    /// Number of its invoice.
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<String>,
    state: BalanceState,
    /// Why something of it is held, as a code; `GET /balances/PARTNER/ORDER` has the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// What has to be paid; below zero, what has to be refunded.
    open: Money,
    overdue: bool,
    changed_at: String,
}

/// Looks at all shards; `today` says what is overdue.
pub(crate) fn items(shards: &[&Shelf], wanted: &Wanted, today: NaiveDate) -> Items {
    let all = shards.iter().flat_map(|shelf| shelf.balances.all());
    let found = all.filter(|(order, balance)| wanted.fits(order, balance));
    let mut sums = BTreeMap::<String, Open>::new();
    let mut items: Vec<(&str, &Balance)> = Vec::new();
    for (order, balance) in found {
        let currency = balance.currency.as_deref().unwrap_or_default();
        sums.entry(currency.to_owned()).or_default().add(balance, today);
        items.push((order, balance));
    }
    let due = |(order, balance): &(&str, &Balance)| {
        (balance.due_on.unwrap_or(NaiveDate::MAX), (*order).to_owned())
    };
    let more = wanted.limit < items.len();
    if more {
        items.select_nth_unstable_by_key(wanted.limit, due);
        items.truncate(wanted.limit);
    }
    items.sort_by_cached_key(due);
    let items = items.into_iter().map(|(order, balance)| Item::new(order, balance, today));
    let left_out = shards.iter().map(|shelf| shelf.balances.left_out).sum();
    Items { items: items.collect(), more, sums, left_out, hint: None }
}

impl Wanted {
    fn fits(&self, order: &str, balance: &Balance) -> bool {
        let (partner, id) = order.split_once('.').unwrap_or((order, ""));
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        let is_overdue = |day: NaiveDate| balance.is_overdue(day);
        !balance.is_settled()
            && is(&self.partner, Some(partner))
            && is(&self.order, Some(id))
            && is(&self.warehouse, Some(&balance.warehouse))
            && is(&self.customer, balance.customer.as_deref())
            && is(&self.seller, balance.seller.as_deref())
            && (!self.without_invoice || balance.invoice.is_none())
            && self.overdue_on.is_none_or(is_overdue)
            && (!self.held || balance.is_held())
    }
}

impl Open {
    fn add(&mut self, balance: &Balance, today: NaiveDate) {
        let add = |sum: &mut Money, units: i64| {
            *sum = Money::from_units(sum.units().saturating_add(units));
        };
        self.orders += 1;
        add(&mut self.open, balance.open.max(0));
        add(&mut self.refund, balance.open.min(0).saturating_neg());
        if balance.is_overdue(today) {
            add(&mut self.overdue, balance.open);
        }
    }
}

impl Item {
    fn new(order: &str, balance: &Balance, today: NaiveDate) -> Self {
        let (partner, token) = order.split_once('.').unwrap_or((order, ""));
        let order_id = subject::text(token).unwrap_or_else(|| token.to_owned());
        let own = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        let changed = DateTime::<Utc>::from_timestamp_millis(balance.changed_ms);
        Self {
            due_on: balance.due_on,
            id: format!("{partner}/{order_id}"),
            partner: partner.to_owned(),
            order_id,
            invoice: own(&balance.invoice),
            state: balance.state,
            reason: own(&balance.reason),
            customer: balance.customer.as_deref().and_then(subject::text),
            seller: own(&balance.seller),
            currency: own(&balance.currency),
            open: Money::from_units(balance.open),
            overdue: balance.is_overdue(today),
            changed_at: changed.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true),
        }
    }
}
