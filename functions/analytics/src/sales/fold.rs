//! The fold.
//!
//! What is counted stands in the facts alone, so that every replica, and one that begins again, comes to the same
//! numbers: nothing is looked up in the catalogue, in cards or in the configuration. It is one source and not one for
//! each kind of fact, because between sources there is no order, and which rows find room depends on the order.

use super::figures::Figures;
use super::table::SHARDS;
use archive::fact::{self, What};
use messaging::streams;
use serde::{Deserialize, Serialize};
use state::fold::{Event, Fold, Reading, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sales;

/// What is known of the partners of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shard {
    partners: BTreeMap<Box<str>, Figures>,
    /// Rows of all tables, whichever partner's.
    pub(super) rows: usize,
}

impl Shard {
    /// The figures of each partner.
    pub(crate) fn partners(&self) -> impl Iterator<Item = (&str, &Figures)> {
        self.partners.iter().map(|(partner, figures)| (&**partner, figures))
    }
}

impl Fold for Sales {
    type State = Shard;
    type Said = What;

    const NAME: &'static str = "sales";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::ORDERS, filter: "orders.>", headers_only: false }];
    const SHARDS: usize = SHARDS;

    /// The partner.
    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, What> {
        let Some(partner) = fact::partner(event) else { return Ok(None) };
        Ok(fact::read(event)?.map(|what| (Cow::Borrowed(partner), what)))
    }

    fn apply(&self, shard: &mut Shard, event: &Event<'_>, what: What) -> Result<(), String> {
        let Some(partner) = fact::partner(event) else { return Ok(()) };
        let figures = match shard.partners.get_mut(partner) {
            Some(figures) => figures,
            None => shard.partners.entry(partner.into()).or_default(),
        };
        figures.count(&what, event.time_ms, &mut shard.rows);
        Ok(())
    }

    fn held(shard: &Shard) -> usize {
        shard.rows
    }
}
