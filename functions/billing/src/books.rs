//! Documents and balances: a fold of `invoices.>` by headers, without bodies. Sums of them are another one, of
//! `invoices.issued.>`, because customers have more than one order.

mod balances;
mod days;
mod documents;
mod list;
mod read;
#[cfg(test)]
mod tests;
mod totals;

pub(crate) use balances::{Items, Wanted, items};
pub(crate) use days::{Day, days};
pub(crate) use list::{Page, Query, Status, page};
pub(crate) use totals::{Customer, Of, customers};

use balances::Balances;
use days::Days;
use documents::Documents;
use domain::invoice::DocumentKind;
use messaging::{header, streams};
use read::Said;
use serde::{Deserialize, Serialize};
use state::fold::{Event, Fold, Source};
use std::borrow::Cow;
use totals::Totals;

/// The fold of documents and balances. It holds the newest, and at most so many; of orders of which something is open,
/// as many more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Books {
    shard_max: usize,
}

impl Books {
    /// Shards differ in size by a few percent: none is full before all together hold `documents`.
    pub(crate) fn up_to(documents: usize) -> Self {
        let even = documents / Self::SHARDS;
        Self { shard_max: even + even / 20 + 1 }
    }
}

/// What is known of the orders of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shelf {
    documents: Documents,
    balances: Balances,
}

impl Fold for Books {
    type State = Shelf;

    const NAME: &'static str = "invoices";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::INVOICES, filter: "invoices.>", headers_only: true }];
    const SHARDS: usize = 32;

    /// With another limit other documents are left out.
    fn settings(&self) -> String {
        format!("up-to-{}", self.shard_max)
    }

    /// `<partner>.<order>`: the documents of an order meet its balance.
    fn key<'e>(&self, event: &Event<'e>) -> Result<Option<Cow<'e, str>>, String> {
        if !header::is_fact(event.headers) {
            return Ok(None);
        }
        read::order(event).map(Cow::Owned).map(Some)
    }

    fn apply(&self, shelf: &mut Shelf, event: &Event<'_>) -> Result<(), String> {
        let max = self.shard_max;
        match read::said(event)? {
            Said::Document(document) => {
                shelf.balances.documented(&document.order);
                for gone in shelf.documents.add(document, event.kept_from, max) {
                    shelf.balances.forget(&gone.order, max);
                }
            }
            Said::Balance(order, balance) => shelf.balances.set(order, balance, max),
            Said::Other => {}
        }
        Ok(())
    }

    fn held(shelf: &Shelf) -> usize {
        shelf.documents.len() + shelf.balances.len()
    }
}

/// The fold of sums, of all documents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums;

/// What was issued to the customers of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Summed {
    totals: Totals,
    days: Days,
}

/// What documents come to, in units of [`domain::Money`]. A sum ends at the largest amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    invoices: u64,
    credit_notes: u64,
    invoiced: i64,
    credited: i64,
}

impl Sum {
    fn add(&mut self, row: &documents::Row) {
        let (count, units) = match row.kind {
            DocumentKind::Invoice => (&mut self.invoices, &mut self.invoiced),
            DocumentKind::CreditNote => (&mut self.credit_notes, &mut self.credited),
        };
        *count += 1;
        *units = units.saturating_add(row.units);
    }

    fn merge(&mut self, other: &Self) {
        self.invoices += other.invoices;
        self.credit_notes += other.credit_notes;
        self.invoiced = self.invoiced.saturating_add(other.invoiced);
        self.credited = self.credited.saturating_add(other.credited);
    }

    /// What is invoiced and not credited.
    const fn total(&self) -> i64 {
        self.invoiced.saturating_sub(self.credited)
    }
}

impl Fold for Sums {
    type State = Summed;

    const NAME: &'static str = "invoiced";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::INVOICES, filter: "invoices.issued.>", headers_only: true }];
    const SHARDS: usize = 32;

    /// `<partner>.<customer>`; of a guest the order.
    fn key<'e>(&self, event: &Event<'e>) -> Result<Option<Cow<'e, str>>, String> {
        if !header::is_fact(event.headers) {
            return Ok(None);
        }
        let key = match event.header(header::CUSTOMER) {
            Some(customer) => read::of_customer(event, customer)?,
            None => read::order(event)?,
        };
        Ok(Some(Cow::Owned(key)))
    }

    fn apply(&self, summed: &mut Summed, event: &Event<'_>) -> Result<(), String> {
        let Said::Document(document) = read::said(event)? else { return Ok(()) };
        summed.days.add(&document);
        summed.totals.add(&document)
    }

    fn held(summed: &Summed) -> usize {
        summed.totals.len()
    }
}
