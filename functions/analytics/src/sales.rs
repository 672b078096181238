//! Orders: a fold of `orders.>`.

mod figures;
mod fold;
mod shown;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use archive::sums::Dimension;
pub(crate) use fold::Sales;
pub(crate) use shown::{Answer, Listed, Order, currencies, last_update, listed, totals};
pub(crate) use table::{ROW_BYTES, ROWS_MAX};
