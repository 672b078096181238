//! What a warehouse has, as the checker counts it.

use super::decisions::Wanted;
use domain::ProductId;
use domain::inventory::SEED;
use domain::partner::StockPolicy;
use domain::stock::Refusal;
use std::collections::HashMap;

/// What is available, and whether it was ever set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    pub(super) available: i128,
    pub(super) known: bool,
    /// Did an order ask for it whose policy keeps it from falling below zero?
    pub(super) checked: bool,
}

/// The stock of a journal of 0.1.0 before its first entry.
pub(super) fn seed() -> HashMap<ProductId, Item> {
    let item = |(product, available): (&str, i64)| {
        let product = ProductId::parse(product).expect("the seed's ids are valid");
        (product, Item { available: available.into(), known: true, checked: false })
    };
    SEED.into_iter().map(item).collect()
}

/// Does a refusal say what is true of the stock? `back` is what an amendment gives back first.
pub(super) fn holds(
    stock: &HashMap<ProductId, Item>,
    wanted: &Wanted,
    back: &[(ProductId, i128)],
    refusal: &Refusal,
) -> bool {
    let item = |product: &ProductId| {
        let item = stock.get(product).copied().unwrap_or_default();
        let back = back.iter().find(|(id, _)| id == product).map_or(0, |(_, pieces)| *pieces);
        Item { available: item.available + back, ..item }
    };
    let pieces = |product: &ProductId| {
        wanted.pieces.iter().find(|(id, _)| id == product).map(|(_, pieces)| *pieces)
    };
    let enforced = matches!(wanted.policy, StockPolicy::Enforce | StockPolicy::IfKnown);
    match refusal {
        Refusal::UnknownProduct { product } => {
            let checked = matches!(wanted.policy, StockPolicy::Enforce | StockPolicy::Backorder);
            let is_new = wanted.cancels.is_none() && !item(product).known;
            checked && is_new && pieces(product).is_some_and(|pieces| pieces > 0)
        }
        Refusal::InsufficientStock { product, requested, available, checked_for_others } => {
            (enforced || item(product).checked)
                && *checked_for_others != enforced
                && pieces(product) == Some(i128::from(*requested))
                && item(product).available == i128::from(*available)
                && *requested > 0
                && requested > available
        }
        Refusal::QuantityOverflow { product } => pieces(product).is_some_and(|pieces| {
            let left = item(product).available - pieces;
            left.abs() >= i128::from(i64::MAX / 2)
        }),
        Refusal::Unreadable { .. }
        | Refusal::Cancelled { .. }
        | Refusal::Skipped { .. }
        | Refusal::ExceedsSale(_)
        | Refusal::Other(_) => false,
    }
}
