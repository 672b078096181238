//! What is wrong with an order that is placed.

use super::total::kind_and_total;
use super::{ATTEMPT_MAX, Order, QUANTITY_MAX, returns_problem};
use crate::charge::{CHARGES_MAX, Charge};

impl Order {
    /// What is wrong with an order that somebody else than order-ingest may have placed; nothing if
    /// it keeps to the rules.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let quantities = self.lines.iter().map(|line| line.quantity);
        let wrong = quantities.enumerate().find(|(_, quantity)| {
            *quantity == 0 || quantity.unsigned_abs() > QUANTITY_MAX.unsigned_abs()
        });
        if let Some((index, quantity)) = wrong {
            return Some(format!(
                "lines[{index}].quantity is {quantity}: 1 to {QUANTITY_MAX} are allowed, below zero \
                 in a return"
            ));
        }
        if let Some(wrong) = self.amount_problem() {
            return Some(wrong);
        }
        match kind_and_total(&self.lines, &self.charges) {
            Err(error) => return Some(format!("its lines cannot be used: {error}")),
            Ok((kind, _)) if kind != self.kind => {
                return Some("its kind does not fit the signs of its quantities".into());
            }
            Ok((_, total)) if total != self.total => {
                let given = &self.total;
                let what = if self.charges.is_empty() { "lines" } else { "lines and charges" };
                return Some(format!("its total is {given}, but its {what} add up to {total}"));
            }
            Ok(_) => {}
        }
        let returns = self.returns.as_ref();
        if let Some(wrong) =
            returns.and_then(|sale| returns_problem(self.kind, &self.order_id, sale))
        {
            return Some(format!("returns {wrong}"));
        }
        let attempt = self.attempt;
        (!(1..=ATTEMPT_MAX).contains(&attempt))
            .then(|| format!("its attempt is {attempt}: 1 to {ATTEMPT_MAX} are allowed"))
    }

    /// What is wrong with a discount or a charge.
    fn amount_problem(&self) -> Option<String> {
        if CHARGES_MAX < self.charges.len() {
            let charges = self.charges.len();
            return Some(format!("it has {charges} charges, the limit is {CHARGES_MAX}"));
        }
        let discounts = self.lines.iter().enumerate().find_map(|(index, line)| {
            Some(format!("lines[{index}].discount {}", line.discount_problem()?))
        });
        let charges = self.charges.iter().enumerate();
        discounts.or_else(|| {
            let wrong = |(index, charge): (usize, &Charge)| {
                Some(format!("charges[{index}].amount {}", charge.problem(self.kind)?))
            };
            charges.into_iter().find_map(wrong)
        })
    }
}
