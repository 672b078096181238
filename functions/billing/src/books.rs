//! Documents and balances: a fold of `invoices.>` by headers, without bodies. Sums of them are another one, of
//! `invoices.issued.>`, because customers have more than one order.

mod balances;
mod days;
mod documents;
mod folds;
mod items;
mod list;
mod read;
mod sums;
#[cfg(test)]
mod tests;
mod totals;

pub(crate) use days::{Day, days};
pub(crate) use folds::{Books, Sums};
pub(crate) use items::{Items, Wanted, items};
pub(crate) use list::{Page, Query, Status, page};
pub(crate) use totals::{Customer, Of, customers};
