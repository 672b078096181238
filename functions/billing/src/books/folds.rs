//! What the lists are made of: two folds of `invoices.>`.

use super::balances::Balances;
use super::documents::{Documents, Row};
use super::read::{self, Said};
use super::sums::{Days, Totals};
use messaging::{header, streams};
use serde::{Deserialize, Serialize};
use state::fold::{Event, Fold, Reading, Source};
use std::borrow::Cow;

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
    pub(super) documents: Documents,
    pub(super) balances: Balances,
}

impl Fold for Books {
    type State = Shelf;
    type Said = Said;

    const NAME: &'static str = "invoices";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::INVOICES, filter: "invoices.>", headers_only: true }];
    const SHARDS: usize = 32;

    /// With another limit other documents are left out.
    fn settings(&self) -> String {
        format!("up-to-{}", self.shard_max)
    }

    /// By `<partner>.<order>`: the documents of an order meet its balance.
    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, Said> {
        if !header::is_fact(event.headers) {
            return Ok(None);
        }
        let said = read::said(event)?;
        let key = match &said {
            Said::Document(document) => document.order.to_string(),
            Said::Balance(order, _) => order.to_string(),
            Said::Other => return Ok(None),
        };
        Ok(Some((Cow::Owned(key), said)))
    }

    fn apply(&self, shelf: &mut Shelf, event: &Event<'_>, said: Said) -> Result<(), String> {
        let max = self.shard_max;
        match said {
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
    pub(super) totals: Totals,
    pub(super) days: Days,
}

impl Fold for Sums {
    type State = Summed;
    type Said = Row;

    const NAME: &'static str = "invoiced";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::INVOICES, filter: "invoices.issued.>", headers_only: true }];
    const SHARDS: usize = super::sums::SHARDS;

    /// By `<partner>.<customer>`; of a guest by the order.
    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, Row> {
        if !header::is_fact(event.headers) {
            return Ok(None);
        }
        let Said::Document(document) = read::said(event)? else { return Ok(None) };
        let key = match &document.customer {
            Some(customer) => read::of_customer(event, customer)?,
            None => document.order.to_string(),
        };
        Ok(Some((Cow::Owned(key), document)))
    }

    fn apply(&self, summed: &mut Summed, _: &Event<'_>, document: Row) -> Result<(), String> {
        summed.days.add(&document);
        summed.totals.add(&document)
    }

    fn held(summed: &Summed) -> usize {
        summed.totals.len()
    }
}
