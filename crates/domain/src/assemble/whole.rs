//! What the rows of an order say about the order as a whole: charges, discounts, tax, person, returned sale.

use super::fault::OrderFault;
use super::said::{Firsts, Said};
use crate::Money;
use crate::charge::{CHARGES_MAX, Charge, ChargeKind, ChargeRow};
use crate::extra::Extra;
use crate::order::Kind;
use std::collections::BTreeMap;

/// Memory of an order's charges, discounts and tax.
const WHOLE_BYTES: usize = 320;
/// Memory of the hashes of what is said of a person.
const SAID_BYTES: usize = 160;

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
    /// Of the person and the returned sale.
    said: Option<Box<Said>>,
    fault: Option<OrderFault>,
}

impl Whole {
    /// Adds a row; `amount` is the amount of that row. What it says first of person and sale, and the bytes of it.
    pub(super) fn add(&mut self, extra: &Extra, amount: Option<Money>) -> (Firsts, usize) {
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
        if extra.person.is_empty() && extra.returns.is_none() {
            return (Firsts::default(), 0);
        }
        self.said.get_or_insert_default().add(extra)
    }

    /// About what it takes of memory.
    pub(super) fn held(&self) -> usize {
        WHOLE_BYTES + self.said.as_ref().map_or(0, |_| SAID_BYTES)
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

    /// What is wrong with them in an order of this id and kind with this total.
    pub(super) fn fault(
        &self,
        order_id: &str,
        kind: Kind,
        total: Option<Money>,
    ) -> Option<OrderFault> {
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
            Some(_) => self.said.as_ref()?.fault(order_id, kind),
        }
    }
}

/// A sum for people: at its end rather than beyond it.
pub(super) fn add(sum: Money, amount: Money) -> Money {
    Money::from_units(sum.units().saturating_add(amount.units()))
}
