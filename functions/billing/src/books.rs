//! Documents and balances: a fold of `invoices.>` by headers, without bodies. Sums of them are another one, of
//! `invoices.issued.>`, because customers have more than one order; it reads the bodies, which have the rates of tax.

mod balances;
mod day_rates;
mod days;
mod documents;
mod folds;
mod items;
mod list;
mod rates;
mod read;
mod sums;
#[cfg(test)]
mod tests;
mod totals;

pub(crate) use day_rates::{DayRate, day_rates};
pub(crate) use days::{Day, days};
pub(crate) use folds::{Books, Sums};
pub(crate) use items::{Items, Wanted, items};
pub(crate) use list::{Page, Query, Status, page};
pub(crate) use rates::Buyers;
pub(crate) use totals::{Customer, Of, customers};
