//! What the lists are made of: two folds of `invoices.>`.

use super::balances::Balances;
use super::documents::Documents;
use super::rates::Rates;
use super::read::{self, Said};
use super::sums::{Days, Totals};
use messaging::{header, streams};
use serde::{Deserialize, Serialize};
use state::fold::{Event, Fold, Source};
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

/// The fold of sums, of all documents. Rates are in their bodies only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums;

/// What was issued to the customers of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Summed {
    pub(super) totals: Totals,
    pub(super) days: Days,
    pub(super) rates: Rates,
}

impl Fold for Sums {
    type State = Summed;

    const NAME: &'static str = "invoiced";
    const VERSION: u32 = 2;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::INVOICES, filter: "invoices.issued.>", headers_only: false }];
    const SHARDS: usize = super::sums::SHARDS;

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
        let of = (document.issued_on, &*document.seller, &*document.currency);
        summed.rates.add(of, document.kind, event.payload)?;
        summed.days.add(&document);
        summed.totals.add(&document)
    }

    fn held(summed: &Summed) -> usize {
        summed.totals.len()
    }
}
