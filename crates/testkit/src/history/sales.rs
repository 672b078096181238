//! What was shipped of sales and what came back, as the checker counts it.

use super::decisions::Wanted;
use domain::ProductId;
use domain::inventory::{self, Returned, Shipped};
use std::collections::{BTreeMap, HashMap};

type Pieces = BTreeMap<ProductId, i128>;

/// Sales that are confirmed, by the sequence of their messages.
#[derive(Debug, Default)]
pub(super) struct Sales<'a>(HashMap<u64, Sale<'a>>);

#[derive(Debug)]
struct Sale<'a> {
    sold: &'a Wanted,
    returned: Pieces,
    /// Of what was returned, what had been shipped.
    of_shipped: Pieces,
    shipped: Pieces,
    shipments: u32,
}

impl<'a> Sales<'a> {
    pub(super) fn sold(&mut self, placed: u64, sold: &'a Wanted) {
        let (returned, of_shipped, shipped) = Default::default();
        self.0.insert(placed, Sale { sold, returned, of_shipped, shipped, shipments: 0 });
    }

    /// What was sold.
    pub(super) fn pieces(&self, placed: u64) -> &'a [(ProductId, i128)] {
        self.0.get(&placed).map_or(&[], |sale| &sale.sold.pieces)
    }

    /// Was anything of it shipped, or did anything come back?
    pub(super) fn is_touched(&self, placed: u64) -> bool {
        let is = |sale: &Sale<'_>| !sale.returned.is_empty() || !sale.shipped.is_empty();
        self.0.get(&placed).is_some_and(is)
    }

    /// Is less left of the sale than a return of `wanted` gives back?
    pub(super) fn exceeds(&self, sale: u64, wanted: &Wanted) -> bool {
        let sale = self.0.get(&sale);
        sale.is_none_or(|sale| !sale.is_within(&sale.after(wanted).0))
    }

    /// Moves what is returned of the sale by `wanted`, which gives back or, as a cancellation, takes again. What
    /// is wrong with it, or with what the entry says of the sale after it?
    pub(super) fn step(&mut self, said: &Returned, wanted: &Wanted) -> Option<String> {
        let number = said.placed;
        let Some(sale) = self.0.get_mut(&number) else {
            return Some(format!("#{number} is no sale that can be returned"));
        };
        let (returned, of_shipped) = sale.after(wanted);
        let complete = sale.sold.pieces.iter().all(|(product, n)| of(&returned, product) == *n);
        let within = sale.is_within(&returned);
        let same = wide(&said.returned) == returned && wide(&said.of_shipped) == of_shipped;
        let same = same && said.complete == complete;
        let text = format!(
            "{returned:?} are returned of #{number}, {of_shipped:?} of them had been shipped; the entry says \
             {said:?}"
        );
        (sale.returned, sale.of_shipped) = (returned, of_shipped);
        (!within || !same).then_some(text)
    }

    /// Ships as the entry says. What is wrong with it?
    pub(super) fn ship(&mut self, said: &Shipped) -> Option<String> {
        let number = said.placed;
        let Some(sale) = self.0.get_mut(&number) else {
            return Some(format!("#{number} is no sale that can be shipped"));
        };
        sale.shipments += 1;
        for (product, pieces) in &said.shipment.products {
            *sale.shipped.entry(product.clone()).or_default() += i128::from(*pieces);
        }
        let left = |(product, sold): &(ProductId, i128)| {
            let withdrawn = of(&sale.returned, product) - of(&sale.of_shipped, product);
            sold - of(&sale.shipped, product) - withdrawn
        };
        let complete = sale.sold.pieces.iter().all(|line| left(line) == 0);
        let is_sold = |product| sale.sold.pieces.iter().any(|(sold, _)| sold == product);
        let right = said.shipment.products.values().all(|pieces| 0 < *pieces)
            && said.shipment.products.keys().all(is_sold)
            && sale.sold.pieces.iter().all(|line| 0 <= left(line))
            && said.shipment.number == sale.shipments
            && (wide(&said.shipped), said.complete) == (sale.shipped.clone(), complete);
        let (shipped, shipments) = (&sale.shipped, sale.shipments);
        (!right).then(|| {
            format!(
                "{shipped:?} are shipped of #{number} in {shipments} shipments; the entry says {said:?}"
            )
        })
    }
}

impl Sale<'_> {
    /// What is returned after it, and what of that had been shipped. Pieces of a return are below zero, those of
    /// its cancellation above.
    fn after(&self, wanted: &Wanted) -> (Pieces, Pieces) {
        let (mut returned, mut of_shipped) = (self.returned.clone(), self.of_shipped.clone());
        for (product, pieces) in &wanted.pieces {
            *returned.entry(product.clone()).or_default() -= pieces;
            let before = of(&of_shipped, product);
            let out = of(&self.shipped, product) - before;
            let more = (-pieces).clamp(-before, out.max(0));
            *of_shipped.entry(product.clone()).or_default() += more;
        }
        for all in [&mut returned, &mut of_shipped] {
            all.retain(|_, pieces| *pieces != 0);
        }
        (returned, of_shipped)
    }

    fn is_within(&self, after: &Pieces) -> bool {
        after.iter().all(|(product, pieces)| {
            let sold = self.sold.pieces.iter().find(|(id, _)| id == product);
            (0..=sold.map_or(0, |(_, sold)| *sold)).contains(pieces)
        })
    }
}

fn of(pieces: &Pieces, product: &ProductId) -> i128 {
    pieces.get(product).copied().unwrap_or(0)
}

fn wide(pieces: &inventory::Pieces) -> Pieces {
    pieces.iter().map(|(product, n)| (product.clone(), (*n).into())).collect()
}
