//! What the orders of a partner come to.

use super::table::{Row, SHARD_ROWS_MAX, Table};
use crate::amount::{Amounts, Code};
use archive::fact::{Counted, What};
use archive::sums::{self, Dimension};
use domain::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Codes of reasons that are told apart; a release gives fewer.
const REASONS_MAX: usize = 50;
/// Currencies of a partner that are told apart. Senders write their codes, and ISO 4217 has some 160.
pub(super) const CURRENCIES_MAX: usize = 200;
/// Where further codes are counted.
const OTHER: &str = "other";

/// The figures of a partner.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Sales and returns that are confirmed and not cancelled.
    pub(crate) all: Row,
    /// Of the revenue: sales alone, and what of it is charges.
    pub(crate) sales: Amounts,
    pub(crate) charges: Amounts,
    /// Sales by currency, for the average.
    pub(crate) sold: BTreeMap<String, i64>,
    /// Attempts that were confirmed, whatever became of them.
    pub(crate) confirmed: u64,
    /// Of these, those that were cancelled.
    pub(crate) cancelled: u64,
    /// Attempts that were refused, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
    /// When the first and the newest of these facts were stored, milliseconds since 1970.
    pub(crate) first_ms: Option<i64>,
    pub(crate) last_ms: Option<i64>,
    tables: BTreeMap<Dimension, Table>,
}

impl Figures {
    /// The rows of a dimension; none of [`Dimension::Partner`].
    pub(crate) fn table(&self, dimension: Dimension) -> Option<&Table> {
        self.tables.get(&dimension)
    }

    /// Adds the figures of another partner, but for its tables.
    pub(super) fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.sales.merge(&other.sales);
        self.charges.merge(&other.charges);
        self.confirmed += other.confirmed;
        self.cancelled += other.cancelled;
        for (code, sold) in &other.sold {
            *self.sold.entry(code.clone()).or_default() += sold;
        }
        for (reason, refused) in &other.refused {
            *self.refused.entry(reason.clone()).or_default() += refused;
        }
        let of = |a: Option<i64>, b: Option<i64>, pick: fn(i64, i64) -> i64| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        self.first_ms = of(self.first_ms, other.first_ms, i64::min);
        self.last_ms = of(self.last_ms, other.last_ms, i64::max);
    }

    /// Counts a fact.
    pub(super) fn count(&mut self, what: &What, time_ms: i64, rows: &mut usize) {
        self.first_ms = Some(self.first_ms.map_or(time_ms, |first| first.min(time_ms)));
        self.last_ms = Some(self.last_ms.map_or(time_ms, |last| last.max(time_ms)));
        match what {
            What::Confirmed(order) => {
                self.confirmed += 1;
                if let Some(before) = order.before() {
                    self.add(before, -1, rows);
                }
                self.add(order, 1, rows);
            }
            What::Cancelled(order) => {
                self.cancelled += 1;
                self.add(order, -1, rows);
            }
            What::Refused(reason) => {
                let is_new = !self.refused.contains_key(reason);
                let is_full = is_new && REASONS_MAX <= self.refused.len();
                let reason = if is_full { OTHER } else { reason };
                *self.refused.entry(reason.to_owned()).or_default() += 1;
            }
        }
    }

    /// `code`, or [`Code::OTHERS`] if there is no room for it: it is the same whenever an order in it is added or taken
    /// away, because what once has room keeps it.
    fn held(&self, code: Code) -> Code {
        let revenue = &self.all.revenue;
        match revenue.has(code) || revenue.len() < CURRENCIES_MAX {
            true => code,
            false => Code::OTHERS,
        }
    }

    /// Adds an order, or takes it away if `sign` is -1.
    fn add(&mut self, order: &Counted, sign: i64, rows: &mut usize) {
        let Some(mut whole) = sums::whole(order, sign) else { return };
        whole.code = self.held(whole.code);
        self.all.add(whole);
        self.charges.add(whole.code, order.charges_units() * i128::from(sign));
        if order.kind == Kind::Sale {
            self.sales.add(whole.code, whole.units);
            *self.sold.entry(whole.code.to_string()).or_default() += sign;
        }
        for (dimension, key, add) in sums::by_properties(order, whole) {
            self.tables.entry(dimension).or_default().add(&key, add, rows, SHARD_ROWS_MAX);
        }
    }
}
