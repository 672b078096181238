//! The net price of one piece (BT-146), and what is taken off the line (BT-136).
//!
//! EN 16931 has net prices only. Where an order's prices hold the tax, and where a line is rounded, the price is found
//! from the line's net amount: with so many decimals that quantity × price gives it to the cent.

use crate::exact::divided;
use domain::Money;
use domain::invoice::{DocumentLine, rounded};
use domain::money::{DECIMALS, SCALE};
use domain::seller::Prices;

/// Most decimals of a price: what the French rules allow (BR-FR-DEC-03).
const DECIMALS_MAX: u32 = 6;

/// A price that makes the line's net amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NetPrice {
    /// Of [`NetPrice::pieces`].
    pub(crate) price: String,
    /// How many pieces cost that much (BT-149): 1, or all of the line where no price of one is exact enough.
    pub(crate) pieces: i64,
    /// What is taken off quantity × price, without tax.
    pub(crate) discount: Money,
}

/// The net price of a line. `decimals` are those of the currency.
pub(crate) fn net_price(line: &DocumentLine, prices: Prices, decimals: u32) -> NetPrice {
    let discount = discount(line, prices, decimals);
    let target = line.net.plus(discount).unwrap_or(line.net);
    let is_target = |exact: Money| rounded(exact, decimals) == target;
    if prices == Prices::Net && line.unit_price.times(line.quantity).is_some_and(is_target) {
        return NetPrice { price: line.unit_price.to_string(), pieces: 1, discount };
    }
    let digits = decimals.max(2)..=DECIMALS_MAX;
    match digits.into_iter().find_map(|digits| price_with(target, line.quantity, digits, decimals))
    {
        Some(price) => NetPrice { price, pieces: 1, discount },
        None => NetPrice { price: target.to_string(), pieces: line.quantity, discount },
    }
}

fn discount(line: &DocumentLine, prices: Prices, decimals: u32) -> Money {
    let ordered = line.discount.unwrap_or(Money::ZERO);
    let net = match prices {
        Prices::Net => ordered,
        Prices::Gross => {
            let hundred = 100 * i128::from(SCALE);
            let all = hundred + i128::from(line.tax.percent.value().units());
            let exact = divided(i128::from(ordered.units()) * hundred, all);
            i64::try_from(exact).map_or(ordered, Money::from_units)
        }
    };
    rounded(net, decimals)
}

/// `target / quantity` with so many decimals, if that times quantity is rounded to the target.
fn price_with(target: Money, quantity: i64, digits: u32, decimals: u32) -> Option<String> {
    let scale = 10_i128.pow(digits);
    let quantity = i128::from(quantity.max(1));
    let price = divided(i128::from(target.units()) * scale, quantity * i128::from(SCALE));
    let product = divided(price * quantity * i128::from(SCALE), scale);
    let exact = i64::try_from(product).map(Money::from_units).ok()?;
    let sign = if price < 0 { "-" } else { "" };
    let (whole, rest) = (price.abs() / scale, price.abs() % scale);
    (rounded(exact, decimals.min(DECIMALS)) == target)
        .then(|| format!("{sign}{whole}.{rest:0width$}", width = digits as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ProductId;
    use domain::invoice::{Part, TaxCode, Taxed, amounts};
    use domain::seller::Percent;
    use proptest::prelude::*;

    fn line(
        quantity: i64,
        price: &str,
        discount: &str,
        percent: &str,
        prices: Prices,
    ) -> DocumentLine {
        let money = |text| Money::parse(text).unwrap();
        let percent = Percent::try_from(money(percent)).unwrap();
        let tax = Taxed { code: TaxCode::S, percent, reason: None };
        let (unit_price, discount) = (money(price), money(discount));
        let amount = unit_price.times(quantity).unwrap().plus(discount.negated()).unwrap();
        let made = amounts(prices, 2, &[Part { amount, tax: Some(&tax) }], &[]).unwrap();
        DocumentLine {
            product_id: ProductId::parse("P1").unwrap(),
            description: None,
            quantity,
            unit_price,
            discount: (discount != Money::ZERO).then_some(discount),
            tax,
            net: *made.lines.first().unwrap(),
            amount,
        }
    }

    #[track_caller]
    fn check(line: &DocumentLine, prices: Prices, price: &str, pieces: i64, discount: &str) {
        let discount = Money::parse(discount).unwrap();
        let expected = NetPrice { price: price.to_owned(), pieces, discount };
        assert_eq!(net_price(line, prices, 2), expected);
    }

    #[test]
    fn a_net_price_stays_as_it_was_ordered() {
        check(&line(3, "0.3333", "0", "20", Prices::Net), Prices::Net, "0.3333", 1, "0");
        check(&line(2, "5", "0.5", "20", Prices::Net), Prices::Net, "5.00", 1, "0.50");
        // The discount has more decimals than the currency: the price takes the rest.
        check(&line(1, "10", "0.015", "20", Prices::Net), Prices::Net, "10.01", 1, "0.02");
    }

    #[test]
    fn a_gross_price_gets_as_many_decimals_as_it_needs() {
        // 59.97 with 20 % is 49.98: a third of it has two decimals.
        check(&line(3, "19.99", "0", "20", Prices::Gross), Prices::Gross, "16.66", 1, "0");
        // 69.93 is 58.28, and no seventh of it has two decimals.
        check(&line(7, "9.99", "0", "20", Prices::Gross), Prices::Gross, "8.326", 1, "0");
        check(&line(2, "11.90", "1.50", "10", Prices::Gross), Prices::Gross, "10.815", 1, "1.36");
        // Six decimals are too few for so many pieces.
        check(
            &line(30_001, "0.04", "0", "20", Prices::Gross),
            Prices::Gross,
            "1000.03",
            30_001,
            "0",
        );
    }

    proptest! {
        /// Quantity × price less discount is the line's net amount, to the cent.
        #[test]
        fn the_price_makes_the_net_amount(
            quantity in 1_i64..2_000_000,
            price in 0_i64..10_000_000,
            discount in 0_i64..10_000,
            gross in any::<bool>(),
            percent in prop::sample::select(vec!["0", "2.1", "5.5", "20"]),
        ) {
            let prices = if gross { Prices::Gross } else { Prices::Net };
            let text = |units| Money::from_units(units).to_string();
            let line = line(quantity, &text(price), &text(discount.min(price)), percent, prices);
            let made = net_price(&line, prices, 2);
            let (whole, rest) = made.price.split_once('.').unwrap();
            prop_assert!(rest.len() <= 6, "{made:?}");
            let micros: i128 = format!("{whole}{rest:0<6}").parse().unwrap();
            let pieces = i128::from(quantity / made.pieces);
            prop_assert_eq!(quantity % made.pieces, 0);
            let exact = crate::exact::rounded(divided(micros * pieces, 100), 2);
            prop_assert_eq!(exact - i128::from(made.discount.units()), i128::from(line.net.units()));
        }
    }
}
