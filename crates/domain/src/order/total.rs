//! What lines and charges add up to.

use super::{Kind, LINES_MAX, Line};
use crate::Money;
use crate::charge::Charge;
use crate::money::WHOLE_MAX;

/// Why lines do not make an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    /// An order of nothing.
    #[error("has no lines")]
    None,
    /// Too many for one decision.
    #[error("has {0} lines, the limit is {LINES_MAX}")]
    TooMany(usize),
    /// Neither a sale nor a return.
    #[error("mix quantities above and below zero")]
    MixedSigns,
    /// Beyond the largest amount that can be read again.
    #[error("add up to more than {WHOLE_MAX}, the limit")]
    TotalTooLarge,
    /// The discounts of a sale are higher than its lines and other charges.
    #[error("come to {0} with the charges; a sale does not come to less than zero")]
    SaleBelowZero(Money),
    /// More is kept back of a return than it gives.
    #[error("come to {0} with the charges; a return does not come to more than zero")]
    ReturnAboveZero(Money),
}

/// The kind and total of an order with these lines and charges.
///
/// # Errors
/// No or too many lines, quantities of both signs, a total beyond the largest amount, or one that the
/// charges turn into its opposite.
pub fn kind_and_total(lines: &[Line], charges: &[Charge]) -> Result<(Kind, Money), LinesError> {
    let first = lines.first().ok_or(LinesError::None)?;
    if lines.len() > LINES_MAX {
        return Err(LinesError::TooMany(lines.len()));
    }
    if lines.iter().any(|line| (line.quantity < 0) != (first.quantity < 0)) {
        return Err(LinesError::MixedSigns);
    }
    let amounts = charges.iter().map(|charge| Some(charge.amount));
    let total = lines
        .iter()
        .map(Line::total)
        .chain(amounts)
        .try_fold(Money::ZERO, |sum, amount| sum.plus(amount?))
        .filter(|total| total.is_within_limit())
        .ok_or(LinesError::TotalTooLarge)?;
    match if first.quantity < 0 { Kind::Return } else { Kind::Sale } {
        Kind::Sale if !charges.is_empty() && total < Money::ZERO => {
            Err(LinesError::SaleBelowZero(total))
        }
        Kind::Return if !charges.is_empty() && total > Money::ZERO => {
            Err(LinesError::ReturnAboveZero(total))
        }
        kind => Ok((kind, total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProductId;
    use crate::charge::ChargeKind;
    use crate::order::QUANTITY_MAX;

    fn line(quantity: i64, price: &str) -> Line {
        Line {
            product_id: ProductId::parse("P001").unwrap(),
            quantity,
            unit_price: Money::parse(price).unwrap(),
            description: None,
            category: None,
            discount: None,
            tax_category: None,
        }
    }

    fn charge(kind: ChargeKind, amount: &str) -> Charge {
        Charge::new(kind, Money::parse(amount).unwrap())
    }

    #[track_caller]
    fn check(lines: &[Line], charges: &[Charge], expected: &str) {
        let found = match kind_and_total(lines, charges) {
            Ok((kind, total)) => format!("{kind:?} {total}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_total_is_exact_and_negative_for_a_return() {
        check(&[line(3, "0.1"), line(1, "2.255")], &[], "Sale 2.555");
        check(&[line(-2, "1.25")], &[], "Return -2.50");
    }

    #[test]
    fn charges_and_discounts_of_lines_are_part_of_the_total() {
        let discounted = |quantity| {
            let discount = Some(Money::parse("1.50").unwrap());
            Line { discount, ..line(quantity, "10") }
        };
        let charges = [charge(ChargeKind::Shipping, "4.90"), charge(ChargeKind::Discount, "-5")];
        check(&[line(2, "10")], &charges, "Sale 19.90");
        check(&[discounted(2), line(1, "1")], &[], "Sale 19.50");
        check(&[discounted(-2)], &[], "Return -18.50");
        check(&[line(-2, "10")], &[charge(ChargeKind::Fee, "3")], "Return -17.00");
        check(&[line(1, "5")], &[charge(ChargeKind::Discount, "-5")], "Sale 0.00");
    }

    #[test]
    fn what_is_no_order_says_why() {
        check(&[], &[], "has no lines");
        let mixed = "mix quantities above and below zero";
        check(&[line(1, "1"), line(-1, "1")], &[], mixed);
        check(&vec![line(1, "1"); 1001], &[], "has 1001 lines, the limit is 1000");
        let most = vec![line(QUANTITY_MAX, "1000000000"); 3];
        check(&most, &[], "add up to more than 1000000000, the limit");
        check(
            &[line(1, "5")],
            &[charge(ChargeKind::Other, "-5.01")],
            "come to -0.01 with the charges; a sale does not come to less than zero",
        );
        check(
            &[line(-1, "5")],
            &[charge(ChargeKind::Fee, "6")],
            "come to 1.00 with the charges; a return does not come to more than zero",
        );
    }

    #[test]
    fn a_total_that_is_accepted_can_be_read_again() {
        let (_, total) = kind_and_total(&[line(QUANTITY_MAX, "1")], &[]).unwrap();
        assert_eq!(Money::parse(&total.to_string()), Ok(total));
        for sign in [1, -1] {
            let over = [line(sign * QUANTITY_MAX, "1"), line(sign, "0.0001")];
            assert_eq!(kind_and_total(&over, &[]), Err(LinesError::TotalTooLarge));
        }
        let full = [line(QUANTITY_MAX, "1")];
        let over = [charge(ChargeKind::Shipping, "0.01")];
        assert_eq!(kind_and_total(&full, &over), Err(LinesError::TotalTooLarge));
    }

    #[test]
    fn a_discount_makes_the_amount_smaller_and_no_more_than_to_nothing() {
        let sale = |discount: &str| {
            let line = Line { discount: Some(Money::parse(discount).unwrap()), ..line(2, "2.50") };
            line.discount_problem()
        };
        assert_eq!(sale("0"), None);
        assert_eq!(sale("5"), None);
        assert_eq!(sale("5.01").unwrap(), "is 5.01, but the line comes to 5.00");
        assert_eq!(sale("-1").unwrap(), "is -1.00; it is taken off, and not below zero");
        let (up, down) = (charge(ChargeKind::Discount, "1"), charge(ChargeKind::Discount, "-1"));
        assert_eq!((down.problem(Kind::Sale), up.problem(Kind::Return)), (None, None));
        let wrong = "is 1.00; a discount of a sale is not above zero";
        assert_eq!(up.problem(Kind::Sale).unwrap(), wrong);
        let wrong = "is -1.00; a discount of a return is not below zero";
        assert_eq!(down.problem(Kind::Return).unwrap(), wrong);
    }
}
