//! Orders: a fold of `orders.>`.

mod fact;
mod figures;
mod fold;
mod shown;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use fold::Sales;
pub(crate) use shown::{Answer, Listed, Order, currencies, last_update, listed, totals};
pub(crate) use table::{Dimension, ROW_BYTES, ROWS_MAX};
