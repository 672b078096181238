//! What people do to stock beside setting it: restock, adjust, count, transfer.

use super::transfers::{Transfers, UNFINISHED_MAX};
use crate::ProductId;
use crate::stock::{Item, Stock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest stock of a product, and largest quantity of one command.
pub const LEVEL_MAX: i64 = 1_000_000_000_000;

/// What was counted of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CountedStock")]
pub struct Counted {
    /// What there is to sell.
    pub available: i64,
    /// The stock that the count was made against; 0 for a product without stock. If the stock has moved since,
    /// the count is refused.
    pub expected: i64,
}

/// Why a change of one product is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Its stock was never set.
    #[error("its stock was never set; restock it, or set it first")]
    NotKnown,
    /// Less is there than is to be taken.
    #[error("{available} available, {taken} to be taken")]
    Below {
        /// What there is.
        available: i64,
        /// What is to be taken.
        taken: i64,
    },
    /// It would be more than can be held.
    #[error("{available} available, {added} to be added; at most {LEVEL_MAX} are allowed")]
    Above {
        /// What there is.
        available: i64,
        /// What is to be added.
        added: i64,
    },
    /// The stock has moved since the count began.
    #[error("{available} available, not {expected}: the stock has moved since; count it again")]
    Moved {
        /// What there is.
        available: i64,
        /// What was there when the count began.
        expected: i64,
    },
}

/// Why a change is refused. Nothing has moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The stock of these products does not allow it.
    #[error("the stock of {} products does not allow it", .0.len())]
    Products(BTreeMap<ProductId, Wrong>),
    /// Too many transfers wait for their arrival.
    #[error(
        "{UNFINISHED_MAX} transfers have left this warehouse and have not arrived; finish those first: \
         orderflow stock reconcile lists them"
    )]
    Unfinished,
}

/// Quantities by product.
pub type Quantities = BTreeMap<ProductId, i64>;

/// Goods that come in: each quantity is above zero.
///
/// # Errors
/// There would be more than [`LEVEL_MAX`] of a product.
pub fn restock(stock: &Stock, quantities: &Quantities) -> Result<Quantities, Refused> {
    all(quantities, |product, added| fits(item(stock, product), *added).map(|()| *added))
}

/// A correction by differences, none of them 0.
///
/// It takes no product below zero, whatever the policies of partners are: what is not there cannot be missing. Stock
/// that orders took below zero may be raised.
///
/// # Errors
/// The stock of a product was never set, or it would be below zero or above [`LEVEL_MAX`].
pub fn adjust(stock: &Stock, deltas: &Quantities) -> Result<Quantities, Refused> {
    all(deltas, |product, delta| {
        let item = item(stock, product);
        match (item.known, *delta < 0) {
            (false, _) => Err(Wrong::NotKnown),
            (true, true) => take(item, delta.saturating_neg()),
            (true, false) => fits(item, *delta),
        }
        .map(|()| *delta)
    })
}

/// A count: each product has what was counted from now on.
///
/// # Errors
/// The stock of a product is not what the count was made against.
pub fn count(stock: &Stock, counted: &BTreeMap<ProductId, Counted>) -> Result<Quantities, Refused> {
    all(counted, |product, Counted { available, expected }| {
        let Item { available: now, .. } = item(stock, product);
        match now == *expected {
            true => Ok(available.saturating_sub(now)),
            false => Err(Wrong::Moved { available: now, expected: *expected }),
        }
    })
}

/// Goods that leave for another warehouse: each quantity is above zero. The result is what moves here.
///
/// # Errors
/// There is less of a product, its stock was never set, or too many transfers have not arrived.
pub fn send(
    stock: &Stock,
    transfers: &Transfers,
    quantities: &Quantities,
) -> Result<Quantities, Refused> {
    if UNFINISHED_MAX <= transfers.unfinished().len() {
        return Err(Refused::Unfinished);
    }
    all(quantities, |product, taken| {
        let item = item(stock, product);
        if !item.known {
            return Err(Wrong::NotKnown);
        }
        take(item, *taken).map(|()| taken.saturating_neg())
    })
}

fn all<T>(
    products: &BTreeMap<ProductId, T>,
    one: impl Fn(&ProductId, &T) -> Result<i64, Wrong>,
) -> Result<Quantities, Refused> {
    let (mut moved, mut wrong) = (BTreeMap::new(), BTreeMap::new());
    for (product, asked) in products {
        match one(product, asked) {
            Ok(delta) => drop(moved.insert(product.clone(), delta)),
            Err(why) => drop(wrong.insert(product.clone(), why)),
        }
    }
    if wrong.is_empty() { Ok(moved) } else { Err(Refused::Products(wrong)) }
}

fn item(stock: &Stock, product: &ProductId) -> Item {
    stock.get(product).unwrap_or_default()
}

fn take(item: Item, taken: i64) -> Result<(), Wrong> {
    let Item { available, .. } = item;
    if taken <= available { Ok(()) } else { Err(Wrong::Below { available, taken }) }
}

fn fits(item: Item, added: i64) -> Result<(), Wrong> {
    let Item { available, .. } = item;
    match available.checked_add(added) {
        Some(level) if level <= LEVEL_MAX => Ok(()),
        _ => Err(Wrong::Above { available, added }),
    }
}

#[cfg(test)]
mod tests;
