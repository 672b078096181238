//! What the rows of an order say about the order as a whole: charges, discounts, tax.

use super::fault::OrderFault;
use crate::Money;
use crate::charge::{CHARGES_MAX, Charge, ChargeKind, ChargeRow};
use crate::extra::Extra;
use crate::order::Kind;
use std::collections::BTreeMap;

/// Charges of an order: of rows of their own, and of columns that say the same in each row of the
/// order, or something in one only.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole {
    /// Rows that are no lines.
    rows: usize,
    /// What rows add to the total, by kind.
    of_rows: BTreeMap<ChargeKind, Money>,
    /// Tax of rows.
    tax: Option<Money>,
    shipping: Option<Money>,
    /// Not below zero.
    discount: Option<Money>,
    tax_given: Option<Money>,
    /// A row with a discount above, and one below zero.
    discount_signs: (bool, bool),
    fault: Option<OrderFault>,
}

impl Whole {
    /// Adds a row; `amount` is the amount of that row.
    pub(super) fn add(&mut self, extra: &Extra, amount: Option<Money>) {
        if let Some(charge) = extra.charge {
            self.rows += 1;
            let fault = match amount {
                None => Some(OrderFault::TotalTooLarge),
                Some(amount) => self.add_row(charge, amount),
            };
            self.fault = self.fault.or(fault);
        }
        for (said, here) in [
            (&mut self.shipping, extra.shipping),
            (&mut self.discount, extra.discount),
            (&mut self.tax_given, extra.tax_given),
        ] {
            match (*said, here) {
                (Some(before), Some(here)) if before != here => {
                    self.fault = self.fault.or(Some(OrderFault::ValuesDiffer));
                }
                _ => *said = said.or(here),
            }
        }
    }

    fn add_row(&mut self, charge: ChargeRow, amount: Money) -> Option<OrderFault> {
        let sum = match charge.kind() {
            Some(kind) => self.of_rows.entry(kind).or_default(),
            None => self.tax.get_or_insert_default(),
        };
        *sum = match sum.plus(amount).filter(|sum| sum.is_within_limit()) {
            Some(sum) => sum,
            None => return Some(OrderFault::TotalTooLarge),
        };
        if charge == ChargeRow::Discount {
            self.discount_signs.0 |= amount > Money::ZERO;
            self.discount_signs.1 |= amount < Money::ZERO;
        }
        (CHARGES_MAX < self.rows).then_some(OrderFault::TooLarge)
    }

    /// Charges that columns say, in an order of this kind.
    pub(super) fn of_columns(&self, kind: Kind) -> impl Iterator<Item = Charge> {
        let taken_off = |amount: Money| match kind {
            Kind::Sale => amount.negated(),
            Kind::Return => amount,
        };
        let is_some = |amount: &Money| *amount != Money::ZERO;
        let shipping = self.shipping.filter(is_some);
        let discount = self.discount.filter(is_some).map(taken_off);
        let charge = |kind| move |amount| Charge::new(kind, amount);
        let shipping = shipping.map(charge(ChargeKind::Shipping));
        shipping.into_iter().chain(discount.map(charge(ChargeKind::Discount)))
    }

    /// What all charges come to, by kind.
    pub(super) fn charges(&self, kind: Kind) -> BTreeMap<ChargeKind, Money> {
        let mut charges = self.of_rows.clone();
        for charge in self.of_columns(kind) {
            let sum = charges.entry(charge.kind).or_default();
            *sum = add(*sum, charge.amount);
        }
        charges
    }

    /// The tax that the partner has calculated.
    pub(super) fn tax(&self) -> Option<Money> {
        match (self.tax, self.tax_given) {
            (Some(rows), Some(column)) => Some(add(rows, column)),
            (rows, column) => rows.or(column),
        }
    }

    /// What is wrong with them in an order of this kind with this total.
    pub(super) fn fault(&self, kind: Kind, total: Option<Money>) -> Option<OrderFault> {
        let (up, down) = self.discount_signs;
        let wrong_sign = if kind == Kind::Sale { up } else { down };
        let below_nothing = |total: Money| match kind {
            Kind::Sale => total < Money::ZERO,
            Kind::Return => total > Money::ZERO,
        };
        match total {
            _ if self.fault.is_some() => self.fault,
            None => Some(OrderFault::TotalTooLarge),
            Some(_) if wrong_sign => Some(OrderFault::DiscountAdds),
            Some(total) if below_nothing(total) => Some(OrderFault::BelowNothing),
            Some(_) => None,
        }
    }
}

/// A sum for people: at its end rather than beyond it.
pub(super) fn add(sum: Money, amount: Money) -> Money {
    Money::from_units(sum.units().saturating_add(amount.units()))
}
