//! What was returned of sales, as the checker counts it.

use super::decisions::Wanted;
use domain::ProductId;
use domain::inventory::Returned;
use std::collections::{BTreeMap, HashMap};

type Pieces = BTreeMap<ProductId, i128>;

/// Sales that are confirmed, by the sequence of their messages, and what came back of them.
#[derive(Debug, Default)]
pub(super) struct Sales<'a> {
    sold: HashMap<u64, &'a Wanted>,
    returned: HashMap<u64, Pieces>,
}

impl<'a> Sales<'a> {
    pub(super) fn sold(&mut self, placed: u64, wanted: &'a Wanted) {
        self.sold.insert(placed, wanted);
    }

    /// Did anything of it come back?
    pub(super) fn is_touched(&self, placed: u64) -> bool {
        self.returned.get(&placed).is_some_and(|returned| !returned.is_empty())
    }

    /// Is less left of the sale than a return of `wanted` gives back?
    pub(super) fn exceeds(&self, sale: u64, wanted: &Wanted) -> bool {
        self.after(sale, wanted).is_none_or(|after| !self.is_within(sale, &after))
    }

    /// Moves what is returned of the sale by `wanted`, which gives back or, as a cancellation, takes again. What
    /// is wrong with it, or with what the entry says of the sale after it?
    pub(super) fn step(&mut self, said: &Returned, wanted: &Wanted) -> Option<String> {
        let sale = said.placed;
        let Some(after) = self.after(sale, wanted) else {
            return Some(format!("#{sale} is no sale that can be returned"));
        };
        let within = self.is_within(sale, &after);
        let complete = self.sold.get(&sale).is_some_and(|sold| {
            sold.pieces.iter().all(|(product, n)| after.get(product) == Some(n))
        });
        let told: Pieces =
            said.returned.iter().map(|(product, n)| (product.clone(), (*n).into())).collect();
        let same = told == after && said.complete == complete;
        let text = format!("{after:?} are returned of #{sale}, the entry says {said:?}");
        self.returned.insert(sale, after);
        (!within || !same).then_some(text)
    }

    /// Pieces of a return are below zero, those of its cancellation above.
    fn after(&self, sale: u64, wanted: &Wanted) -> Option<Pieces> {
        self.sold.get(&sale)?;
        let mut after = self.returned.get(&sale).cloned().unwrap_or_default();
        for (product, pieces) in &wanted.pieces {
            *after.entry(product.clone()).or_default() -= pieces;
        }
        after.retain(|_, pieces| *pieces != 0);
        Some(after)
    }

    fn is_within(&self, sale: u64, after: &Pieces) -> bool {
        let sold = self.sold.get(&sale);
        after.iter().all(|(product, pieces)| {
            let sold = sold.and_then(|sold| sold.pieces.iter().find(|(id, _)| id == product));
            (0..=sold.map_or(0, |(_, sold)| *sold)).contains(pieces)
        })
    }
}
