//! Invoices and credit notes: what such a document says, and its amounts by EN 16931.
//!
//! A document is plain data. Everything that is made of it (JSON, HTML, XML, PDF) is a function of it alone, so
//! that it can be made again at any time, byte for byte.

mod amounts;
mod balance;
mod desk;
mod document;
mod entry;
mod series;
mod taxed;
mod terms;

pub use amounts::{Amounts, Part, TooLarge, amounts};
pub use balance::{
    Balance, BalanceState, DOCUMENTS_MAX, HELD_MAX, Held, HeldCode, HeldWhat, Issued, Left,
    PAYMENTS_MAX, Payment,
};
pub use desk::{CreditWhat, Desk, Event, Outcome, Refused, Retried, Unknown};
pub use document::{
    Buyer, Document, DocumentCharge, DocumentKind, DocumentLine, Issuer, Original, Supply,
    TaxTotal, Totals,
};
pub use entry::{Account, Asked, Body, Made, State};
pub use series::{AllSeries, Last, NextNumber, hash, place_of};
pub use taxed::{TaxCode, Taxed};
pub use terms::{Day, Terms};

use crate::Money;
use crate::money::DECIMALS;

/// An amount rounded to the decimals of its currency: half away from zero, as accountants round by hand.
/// EN 16931 asks for two decimals (BR-DEC) and leaves open how a half is rounded.
#[must_use]
pub fn rounded(amount: Money, decimals: u32) -> Money {
    let step = i128::from(step(decimals));
    let units = divided(i128::from(amount.units()), step) * step;
    // Above the largest amount there is none to round to.
    i64::try_from(units).map_or(amount, Money::from_units)
}

/// The smallest amount of a currency, in units of [`Money`].
const fn step(decimals: u32) -> i64 {
    10_i64.pow(DECIMALS.saturating_sub(decimals))
}

/// `dividend / divisor` to the nearest whole number, half away from zero; `divisor` is above zero.
const fn divided(dividend: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    if dividend < 0 { (dividend - half) / divisor } else { (dividend + half) / divisor }
}

#[cfg(test)]
mod tests;
