//! Stock of one warehouse: all or nothing per order.

mod refusal;

pub use refusal::{Exceeded, Other, Refusal};

use crate::order::Line;
use crate::partner::StockPolicy;
use crate::{Order, ProductId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Stock of one product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Pieces that can be sold; below zero where the policy allows it.
    pub available: i64,
    /// Was it ever set or imported? Otherwise it is only the sum of unchecked movements.
    pub known: bool,
    /// Did an order of a partner ask for it whose stock policy does not let it go below zero? From
    /// then on nobody's order takes it below zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checked: bool,
}

/// Stock by product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock(HashMap<ProductId, Item>);

/// Stock of one product after a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The product.
    pub product: ProductId,
    /// What was added (taken, if below zero).
    pub delta: i64,
}

impl Stock {
    /// Stock of `product`, if it was ever set or moved.
    #[must_use]
    pub fn get(&self, product: &ProductId) -> Option<Item> {
        self.0.get(product).copied()
    }

    /// All products, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&ProductId, Item)> {
        self.0.iter().map(|(product, item)| (product, *item))
    }

    /// Sets what is available; the product is known from now on.
    pub fn set(&mut self, product: ProductId, available: i64) {
        let item = self.0.entry(product).or_default();
        (item.available, item.known) = (available, true);
    }

    /// From now on the stock of `product` counts as known.
    pub fn know(&mut self, product: &ProductId) {
        self.0.entry(product.clone()).or_default().known = true;
    }

    /// From now on nobody's order takes `product` below zero.
    pub fn check(&mut self, product: &ProductId) {
        self.0.entry(product.clone()).or_default().checked = true;
    }

    /// Adds `movement` without a check: its writer has checked.
    pub fn apply(&mut self, movement: &Movement) {
        let item = self.0.entry(movement.product.clone()).or_default();
        item.available = item.available.saturating_add(movement.delta);
    }
}

/// Decides orders one after another against `stock` without changing it.
#[derive(Debug)]
pub struct Desk<'a> {
    stock: &'a Stock,
    moved: HashMap<ProductId, i64>,
    checked: BTreeSet<ProductId>,
}

impl<'a> Desk<'a> {
    /// A desk that starts from `stock`.
    #[must_use]
    pub fn new(stock: &'a Stock) -> Self {
        Self { stock, moved: HashMap::new(), checked: BTreeSet::new() }
    }

    fn item(&self, product: &ProductId) -> Item {
        let mut item = self.stock.get(product).unwrap_or_default();
        item.available += self.moved.get(product).copied().unwrap_or(0);
        item.checked |= self.checked.contains(product);
        item
    }

    /// Products that `order` makes checked and that were not: those whose stock is known, if its
    /// partner's policy does not let them go below zero. Whether it is confirmed does not matter.
    #[must_use]
    pub fn newly_checked(&self, order: &Order) -> BTreeSet<ProductId> {
        if !order.stock.has_floor() {
            return BTreeSet::new();
        }
        let products = order.lines.iter().map(|line| &line.product_id);
        let new = |product: &&ProductId| {
            let item = self.item(product);
            item.known && !item.checked
        };
        products.filter(new).cloned().collect()
    }

    /// From the next order on, nobody takes them below zero.
    pub fn check(&mut self, products: &BTreeSet<ProductId>) {
        self.checked.extend(products.iter().cloned());
    }

    /// Products that became checked at this desk.
    #[must_use]
    pub fn into_checked(self) -> BTreeSet<ProductId> {
        self.checked
    }

    /// Takes the stock of a sale or gives back that of a return: for all lines, or for none. A
    /// cancellation does the opposite of what the order it takes back has done.
    ///
    /// Lines of the same product count together.
    ///
    /// # Errors
    /// Why the order is refused; nothing has moved.
    pub fn decide(&mut self, order: &Order) -> Result<Vec<Movement>, Refusal> {
        let movements: Vec<Movement> = sum_by_product(&order.lines)?
            .into_iter()
            .map(|(product, sum)| {
                let delta = if order.cancels.is_some() { Some(sum) } else { sum.checked_neg() };
                let delta = delta.ok_or_else(|| overflow(product))?;
                Ok(Movement { product: product.clone(), delta })
            })
            .collect::<Result<_, Refusal>>()?;
        for movement in &movements {
            self.allow(order, movement)?;
        }
        Ok(self.moving(movements))
    }

    /// Gives back what a confirmed sale of `before` took, and takes what `order` wants instead: together, or not at
    /// all. Of a product of which no more is wanted than before nothing is checked. Products that do not move are
    /// left out.
    ///
    /// # Errors
    /// Why `order` is refused; nothing has moved.
    pub fn amend(&mut self, order: &Order, before: &[Line]) -> Result<Vec<Movement>, Refusal> {
        let mut deltas = sum_by_product(before)?;
        let taken = deltas.clone();
        for (product, wanted) in sum_by_product(&order.lines)? {
            let delta = deltas.entry(product).or_default();
            *delta = delta.checked_sub(wanted).ok_or_else(|| overflow(product))?;
        }
        let moving = deltas.into_iter().filter(|(_, delta)| *delta != 0);
        let movements: Vec<Movement> =
            moving.map(|(product, delta)| Movement { product: product.clone(), delta }).collect();
        for movement in &movements {
            let back = taken.get(&movement.product).copied().unwrap_or(0);
            self.allow(order, movement).map_err(|refusal| refusal.with_given_back(back))?;
        }
        Ok(self.moving(movements))
    }

    fn moving(&mut self, movements: Vec<Movement>) -> Vec<Movement> {
        for movement in &movements {
            *self.moved.entry(movement.product.clone()).or_default() += movement.delta;
        }
        movements
    }

    fn allow(&self, order: &Order, Movement { product, delta }: &Movement) -> Result<(), Refusal> {
        let item = self.item(product);
        let left = item
            .available
            .checked_add(*delta)
            .filter(|left| left.unsigned_abs() < u64::MAX / 4)
            .ok_or_else(|| overflow(product))?;
        // A return that is cancelled takes stock of a product that is known by it at least.
        let known = item.known || order.cancels.is_some();
        if *delta >= 0 {
            return Ok(());
        }
        let wants_known = matches!(order.stock, StockPolicy::Enforce | StockPolicy::Backorder);
        if wants_known && !known {
            return Err(Refusal::UnknownProduct { product: product.clone() });
        }
        let own = match order.stock {
            StockPolicy::Enforce => true,
            StockPolicy::IfKnown => item.known,
            StockPolicy::Backorder | StockPolicy::Ignore => false,
        };
        if left < 0 && (own || item.checked) {
            return Err(Refusal::InsufficientStock {
                product: product.clone(),
                requested: delta.saturating_neg(),
                available: item.available,
                checked_for_others: !order.stock.has_floor(),
            });
        }
        Ok(())
    }
}

fn sum_by_product(lines: &[Line]) -> Result<BTreeMap<&ProductId, i64>, Refusal> {
    let mut sums: BTreeMap<&ProductId, i64> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(&line.product_id).or_default();
        *sum = sum.checked_add(line.quantity).ok_or_else(|| overflow(&line.product_id))?;
    }
    Ok(sums)
}

fn overflow(product: &ProductId) -> Refusal {
    Refusal::QuantityOverflow { product: product.clone() }
}

#[cfg(test)]
mod tests;
