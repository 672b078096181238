//! Documents in the order in which they were issued.

use chrono::NaiveDate;
use domain::invoice::DocumentKind;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A document. Amounts are in units of [`domain::Money`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) sequence: u64,
    pub(crate) number: Box<str>,
    pub(crate) kind: DocumentKind,
    /// `<partner>.<order>`, both as tokens.
    pub(crate) order: Box<str>,
    /// As a token.
    pub(crate) customer: Option<Box<str>>,
    pub(crate) seller: Box<str>,
    pub(crate) warehouse: Box<str>,
    pub(crate) currency: Box<str>,
    pub(crate) issued_on: NaiveDate,
    pub(crate) units: i64,
    /// Of a credit note: the invoice that it takes back.
    pub(crate) original: Option<Box<str>>,
}

impl Row {
    /// The partner, and its number of the order as a token.
    pub(crate) fn names(&self) -> (&str, &str) {
        self.order.split_once('.').unwrap_or((&self.order, ""))
    }
}

/// The newest documents.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Documents {
    rows: VecDeque<Row>,
    /// The last one that was left out.
    forgotten_to: u64,
}

impl Documents {
    /// Adds the newest one, and gives back those that are left out from now on.
    pub(super) fn add(&mut self, row: Row, kept_from: u64, max: usize) -> Vec<Row> {
        self.rows.push_back(row);
        let mut gone = Vec::new();
        while self.rows.front().is_some_and(|row| row.sequence < kept_from) || max < self.len() {
            gone.extend(self.rows.pop_front());
        }
        self.forgotten_to = gone.last().map_or(self.forgotten_to, |row| row.sequence);
        gone
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) const fn forgotten_to(&self) -> u64 {
        self.forgotten_to
    }

    /// Before `cursor`, the newest first.
    pub(crate) fn before(&self, cursor: u64) -> impl Iterator<Item = &Row> {
        let to = self.rows.partition_point(|row| row.sequence < cursor);
        self.rows.range(..to).rev()
    }
}
