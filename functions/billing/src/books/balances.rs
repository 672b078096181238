//! How orders stand.

use chrono::NaiveDate;
use domain::invoice::BalanceState;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};

/// How an order stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Balance {
    pub(crate) state: BalanceState,
    /// In units of [`domain::Money`].
    pub(crate) open: i64,
    pub(crate) due_on: Option<NaiveDate>,
    pub(crate) invoice: Option<Box<str>>,
    /// As a token.
    pub(crate) customer: Option<Box<str>>,
    pub(crate) seller: Option<Box<str>>,
    pub(crate) currency: Option<Box<str>>,
    /// Why something of it is held, as a code.
    pub(crate) reason: Option<Box<str>>,
    pub(crate) warehouse: Box<str>,
    pub(crate) changed_ms: i64,
}

impl Balance {
    /// Was it due before today, and is not paid?
    pub(crate) fn is_overdue(&self, today: NaiveDate) -> bool {
        0 < self.open && self.due_on.is_some_and(|due_on| due_on < today)
    }

    /// Does something of it wait for a correction?
    pub(crate) fn is_held(&self) -> bool {
        self.state == BalanceState::Held || self.reason.is_some()
    }

    /// Is there nothing to be paid, refunded or corrected?
    pub(super) fn is_settled(&self) -> bool {
        self.open == 0 && !self.is_held()
    }
}

/// What is known of an order.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Entry {
    /// How many of its documents are listed.
    documents: u32,
    /// Nothing as long as only a document was read.
    balance: Option<Balance>,
}

impl Entry {
    /// Is there nothing that a list needs of it?
    fn is_done(&self) -> bool {
        self.documents == 0 && self.balance.as_ref().is_none_or(Balance::is_settled)
    }
}

/// How orders stand: those with documents that are listed, and those of which something is open.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Balances {
    /// By `<partner>.<order>`.
    orders: HashMap<Box<str>, Entry>,
    /// Orders of which something was open when their last document was left out, in that order.
    behind: VecDeque<Box<str>>,
    /// How many of those were left out as well.
    pub(super) left_out: u64,
}

impl Balances {
    /// A document of the order is listed.
    pub(super) fn documented(&mut self, order: &str) {
        self.orders.entry(order.into()).or_default().documents += 1;
    }

    /// A document of the order is listed no longer. `max` is how many orders without documents are held.
    pub(super) fn forget(&mut self, order: &str, max: usize) {
        let Some(entry) = self.orders.get_mut(order) else { return };
        entry.documents = entry.documents.saturating_sub(1);
        if entry.is_done() {
            self.orders.remove(order);
        } else if entry.documents == 0 {
            self.leave_behind(order.into(), max);
        }
    }

    pub(super) fn set(&mut self, order: Box<str>, balance: Balance, max: usize) {
        let entry = self.orders.entry(order.clone()).or_default();
        let was_known = entry.balance.replace(balance).is_some();
        if entry.is_done() {
            self.orders.remove(&order);
        } else if entry.documents == 0 && !was_known {
            self.leave_behind(order, max);
        }
    }

    fn leave_behind(&mut self, order: Box<str>, max: usize) {
        self.behind.push_back(order);
        while max < self.behind.len() {
            let Some(oldest) = self.behind.pop_front() else { return };
            let is_without = self.orders.get(&oldest).is_some_and(|entry| entry.documents == 0);
            if is_without && self.orders.remove(&oldest).is_some() {
                self.left_out += 1;
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.orders.len()
    }

    pub(crate) fn get(&self, order: &str) -> Option<&Balance> {
        self.orders.get(order)?.balance.as_ref()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Balance)> {
        self.orders.iter().filter_map(|(order, entry)| Some((&**order, entry.balance.as_ref()?)))
    }
}
