//! Amounts of a document by EN 16931: net per line, tax per rate.
//!
//! With net prices each line is rounded, and tax is added to the sum of each rate (BR-CO-17). With prices that hold
//! the tax, it is taken out of the sum of each rate, and what is paid never moves: where no net amount gives the gross
//! one to the cent, the rest is `rounding` (BT-114).

use super::{TaxTotal, Taxed, Totals, divided, rounded, step};
use crate::Money;
use crate::money::SCALE;
use crate::seller::Prices;
use std::collections::BTreeMap;

/// A line or a charge, as it was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it adds to the order's total, exactly.
    pub amount: Money,
    /// How it is taxed. Nothing: it is divided over the rates of the lines, in proportion to what they come to. Lines
    /// have it always.
    pub tax: Option<&'a Taxed>,
}

/// What the parts of a document come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Net amount of each line, in the order that they were given.
    pub lines: Vec<Money>,
    /// Of each charge, its parts by rate: how it is taxed, as ordered, net.
    pub charges: Vec<Vec<(Taxed, Money, Money)>>,
    /// By rate.
    pub taxes: Vec<TaxTotal>,
    /// Sums.
    pub totals: Totals,
}

/// A sum that no amount can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amounts are too large to be added up")]
pub struct TooLarge;

/// One part of a rate: where it comes from, and its amounts in units of [`Money`].
struct Share {
    /// A line, or the charge of this number.
    of: Of,
    ordered: i128,
    net: i128,
}

#[derive(Clone, Copy)]
enum Of {
    Line(usize),
    Charge(usize),
}

/// Calculates a document. `decimals` are those of its currency.
///
/// # Errors
/// A sum is too large.
pub fn amounts(
    prices: Prices,
    decimals: u32,
    lines: &[Part<'_>],
    charges: &[Part<'_>],
) -> Result<Amounts, TooLarge> {
    let step = i128::from(step(decimals));
    let mut rates = by_rate(lines, charges, step);
    let mut taxes = Vec::with_capacity(rates.len());
    for (tax, shares) in &mut rates {
        let (base, amount) = match prices {
            Prices::Net => net(shares, tax, step),
            Prices::Gross => gross(shares, tax, step),
        };
        taxes.push(TaxTotal { tax: (*tax).clone(), base: money(base)?, amount: money(amount)? });
    }
    let mut made = Amounts {
        lines: vec![Money::ZERO; lines.len()],
        charges: vec![Vec::new(); charges.len()],
        taxes,
        totals: Totals::default(),
    };
    for (tax, shares) in &rates {
        for share in shares {
            let (ordered, net) = (money(share.ordered)?, money(share.net)?);
            match share.of {
                Of::Line(index) => {
                    made.lines.get_mut(index).into_iter().for_each(|line| *line = net);
                }
                Of::Charge(index) => {
                    let charge = made.charges.get_mut(index).into_iter();
                    charge.for_each(|parts| parts.push(((*tax).clone(), ordered, net)));
                }
            }
        }
    }
    let ordered: i128 = lines.iter().chain(charges).map(|part| units(part.amount)).sum();
    let ordered = rounded(money(ordered)?, decimals);
    made.totals = totals(&made, (prices == Prices::Gross).then_some(ordered))?;
    Ok(made)
}

/// All parts under the rates that they fall under.
fn by_rate<'a>(
    lines: &[Part<'a>],
    charges: &[Part<'a>],
    step: i128,
) -> BTreeMap<&'a Taxed, Vec<Share>> {
    let mut rates: BTreeMap<&Taxed, Vec<Share>> = BTreeMap::new();
    let mut add = |tax, of, ordered| {
        rates.entry(tax).or_default().push(Share { of, ordered, net: 0 });
    };
    let mut weights: BTreeMap<&Taxed, i128> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(tax) = line.tax else { continue };
        *weights.entry(tax).or_default() += units(line.amount).abs();
        add(tax, Of::Line(index), units(line.amount));
    }
    for (index, charge) in charges.iter().enumerate() {
        let amount = units(charge.amount);
        match charge.tax {
            Some(tax) => add(tax, Of::Charge(index), amount),
            None => {
                let whole: Vec<i128> = weights.values().copied().collect();
                let parts = divide(amount, &whole, step);
                let parts = weights.keys().zip(parts).filter(|(_, part)| *part != 0);
                parts.for_each(|(tax, part)| add(tax, Of::Charge(index), part));
            }
        }
    }
    rates
}

/// Divides an amount in proportion to weights, which are not below zero: whole steps, as near as can be, and the sum
/// is the amount.
fn divide(amount: i128, weights: &[i128], step: i128) -> Vec<i128> {
    let all: i128 = weights.iter().sum();
    let mut parts: Vec<i128> = match all {
        0 => weights.iter().map(|_| 0).collect(),
        _ => weights.iter().map(|weight| divided(amount * weight, all * step) * step).collect(),
    };
    // What rounding leaves goes to the largest.
    let left = amount - parts.iter().sum::<i128>();
    let largest = weights.iter().zip(&mut parts).rev().max_by_key(|(weight, _)| **weight);
    if let Some((_, part)) = largest {
        *part += left;
    }
    parts
}

/// Net prices: the base is the sum of rounded parts.
fn net(shares: &mut [Share], tax: &Taxed, step: i128) -> (i128, i128) {
    for share in &mut *shares {
        share.net = divided(share.ordered, step) * step;
    }
    let base = shares.iter().map(|share| share.net).sum();
    (base, tax_on(base, tax, step))
}

/// Prices with tax: the base whose tax brings it nearest to the gross sum; the parts are rounded so that they add up
/// to it.
fn gross(shares: &mut [Share], tax: &Taxed, step: i128) -> (i128, i128) {
    let sum: i128 = shares.iter().map(|share| share.ordered).sum();
    let sum = divided(sum, step) * step;
    let guess = divided(without_tax(sum, tax), step) * step;
    let away = |base: &i128| (base + tax_on(*base, tax, step) - sum).abs();
    let base = [guess, guess - step, guess + step].into_iter().min_by_key(away).unwrap_or(guess);
    let mut left = base;
    for share in &mut *shares {
        share.net = divided(without_tax(share.ordered, tax), step) * step;
        left -= share.net;
    }
    spread(shares, left, tax, step);
    (base, tax_on(base, tax, step))
}

/// Adds `left` to the parts, a step at a time, where it brings them nearest to their exact net amount.
fn spread(shares: &mut [Share], left: i128, tax: &Taxed, step: i128) {
    // What lacks most comes first. A part that costs nothing stays at nothing as long as there is another one.
    let lacks = |share: &Share| (without_tax(share.ordered, tax) - share.net) * left.signum();
    let mut order: Vec<&mut Share> = shares.iter_mut().collect();
    order.sort_by_key(|share| (share.ordered == 0, -lacks(share)));
    let count = order.len().max(1) as i128;
    let steps = (left / step).abs();
    for (place, share) in (0..).zip(order) {
        let each = steps / count + i128::from(place < steps % count);
        share.net += each * step * left.signum();
    }
}

fn tax_on(base: i128, tax: &Taxed, step: i128) -> i128 {
    divided(base * percent(tax), HUNDRED * step) * step
}

/// An exact amount without its tax, to the nearest unit.
fn without_tax(gross: i128, tax: &Taxed) -> i128 {
    divided(gross * HUNDRED, HUNDRED + percent(tax))
}

/// 100 % in units of a percent.
const HUNDRED: i128 = 100 * SCALE as i128;

fn percent(tax: &Taxed) -> i128 {
    units(tax.percent.value())
}

fn units(amount: Money) -> i128 {
    i128::from(amount.units())
}

fn money(units: i128) -> Result<Money, TooLarge> {
    i64::try_from(units).map(Money::from_units).map_err(|_| TooLarge)
}

fn totals(made: &Amounts, ordered: Option<Money>) -> Result<Totals, TooLarge> {
    let sum = |amounts: &mut dyn Iterator<Item = Money>| money(amounts.map(units).sum());
    let charges = || made.charges.iter().flatten().map(|(_, _, net)| *net);
    let lines = sum(&mut made.lines.iter().copied())?;
    let allowances = sum(&mut charges().filter(|net| *net < Money::ZERO))?.negated();
    let charges = sum(&mut charges().filter(|net| Money::ZERO < *net))?;
    let net = sum(&mut made.taxes.iter().map(|tax| tax.base))?;
    let tax = sum(&mut made.taxes.iter().map(|tax| tax.amount))?;
    let gross = net.plus(tax).ok_or(TooLarge)?;
    let payable = ordered.unwrap_or(gross);
    let rounding = payable.plus(gross.negated()).ok_or(TooLarge)?;
    Ok(Totals { lines, allowances, charges, net, tax, gross, rounding, payable })
}
