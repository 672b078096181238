//! The net price of one piece (BT-146), and what is taken off the line (BT-136).
//!
//! EN 16931 has net prices only. Where an order's prices hold the tax, and where a line is rounded, the price is found
//! from the line's net amount: with so many decimals that quantity × price gives it to the cent.

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

/// To the nearest whole number, half away from zero; `divisor` is above zero.
const fn divided(dividend: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    if dividend < 0 { (dividend - half) / divisor } else { (dividend + half) / divisor }
}
