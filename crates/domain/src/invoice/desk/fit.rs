//! How much may be credited: never more than is left of an invoice, and the last credit note takes the rest to the cent.

use super::super::{
    Balance, Document, DocumentCharge, DocumentLine, Left, TaxTotal, Taxed, Totals, divided,
    rounded, step,
};
use super::sale::Priced;
use super::{minus, plus};
use crate::charge::ChargeKind;
use crate::money::SCALE;
use crate::order::Line;
use crate::seller::Prices;
use crate::{Money, ProductId};
use std::collections::BTreeMap;

/// Pieces by product.
pub(super) type Pieces = BTreeMap<ProductId, i64>;

/// More is to be credited than is left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Over {
    /// Pieces.
    #[error("{wanted} pieces of {product} would be credited, and {left} are left of the invoice")]
    Pieces {
        /// Of what.
        product: ProductId,
        /// So many.
        wanted: i64,
        /// So many are left.
        left: i64,
    },
    /// An amount.
    #[error("{wanted} would be credited{of}, and {left} is left of the invoice")]
    Amount {
        /// Which rate, for people.
        of: String,
        /// So much.
        wanted: Money,
        /// So much is left.
        left: Money,
    },
}

/// By how much rounding may move the sum of several documents: a step for each document and rate, and one for
/// each line whose amount is rounded.
pub(super) fn slack(balance: &Balance, lines: &[Line], decimals: u32) -> Money {
    let step = step(decimals);
    let is_rounded = |line: &&Line| line.total().is_some_and(|total| total.units() % step != 0);
    let lines = lines.iter().filter(is_rounded).count();
    let steps = (balance.documents.len() + 1) * balance.left.len().max(1) + lines;
    Money::from_units(step.saturating_mul(i64::try_from(steps).unwrap_or(i64::MAX)))
}

/// Brings a credit note to what is left: refuses what exceeds it by more than rounding does, and takes all of it if
/// with this one everything is `complete`.
pub(super) fn fit(
    priced: &mut Priced,
    balance: &Balance,
    prices: Prices,
    (complete, slack): (bool, Money),
) -> Result<(), Over> {
    let gap = minus(balance.payable_left, priced.totals.payable);
    if complete && gap.magnitude() <= slack {
        take(priced, &balance.left);
        priced.totals = totals(priced, Some(balance.payable_left));
        return Ok(());
    }
    if gap < slack.negated() {
        let (wanted, left) = (priced.totals.payable, balance.payable_left);
        return Err(Over::Amount { of: String::new(), wanted, left });
    }
    let mut targets = Vec::new();
    for TaxTotal { tax, base, amount } in &priced.taxes {
        let none = Left { tax: tax.clone(), base: Money::ZERO, amount: Money::ZERO };
        let left = balance.left.iter().find(|left| left.tax == *tax).unwrap_or(&none);
        for (wanted, left) in [(*base, left.base), (*amount, left.amount)] {
            if minus(left, wanted) < slack.negated() {
                let of = format!(" at {} %", tax.percent.value());
                return Err(Over::Amount { of, wanted, left });
            }
        }
        let (base, amount) = (left.base.min(*base), left.amount.min(*amount));
        targets.push(Left { tax: tax.clone(), base, amount });
    }
    take(priced, &targets);
    let payable = priced.totals.payable.min(balance.payable_left);
    priced.totals = totals(priced, (prices == Prices::Gross).then_some(payable));
    Ok(())
}

/// Moves the amounts of each rate to its target; what rounding made of it goes to the largest part.
fn take(priced: &mut Priced, targets: &[Left]) {
    for Left { tax, base, amount } in targets {
        let of = |taxes: &TaxTotal| taxes.tax == *tax;
        let is = priced.taxes.iter().find(|taxes| of(taxes)).map_or(Money::ZERO, |it| it.base);
        move_by(priced, tax, minus(*base, is));
        match priced.taxes.iter_mut().find(|taxes| of(taxes)) {
            Some(found) => (found.base, found.amount) = (*base, *amount),
            None if *base == Money::ZERO && *amount == Money::ZERO => {}
            None => {
                let (tax, base, amount) = (tax.clone(), *base, *amount);
                priced.taxes.push(TaxTotal { tax, base, amount });
            }
        }
    }
    priced.taxes.sort_by(|a, b| a.tax.cmp(&b.tax));
}

fn move_by(priced: &mut Priced, tax: &Taxed, by: Money) {
    if by == Money::ZERO {
        return;
    }
    let lines = priced.lines.iter_mut().filter(|line| line.tax == *tax);
    if let Some(line) = lines.max_by_key(|line| line.net.magnitude()) {
        line.net = plus(line.net, by);
        return;
    }
    let charges = priced.charges.iter_mut().filter(|charge| charge.tax == *tax);
    match charges.max_by_key(|charge| charge.net.magnitude()) {
        Some(charge) => charge.net = plus(charge.net, by),
        None => priced.charges.push(rest_of(tax, by)),
    }
}

/// What of a rate is left that belongs to no line.
fn rest_of(tax: &Taxed, net: Money) -> DocumentCharge {
    let kind = ChargeKind::Other;
    DocumentCharge { kind, description: None, tax: tax.clone(), net, amount: net }
}

/// Sums of parts; what is paid is their gross sum, or `payable`.
fn totals(priced: &Priced, payable: Option<Money>) -> Totals {
    let sum = |amounts: &mut dyn Iterator<Item = Money>| amounts.fold(Money::ZERO, plus);
    let charges = || priced.charges.iter().map(|charge| charge.net);
    let net = sum(&mut priced.taxes.iter().map(|tax| tax.base));
    let tax = sum(&mut priced.taxes.iter().map(|tax| tax.amount));
    let gross = plus(net, tax);
    let payable = payable.unwrap_or(gross);
    Totals {
        lines: sum(&mut priced.lines.iter().map(|line| line.net)),
        allowances: sum(&mut charges().filter(|net| *net < Money::ZERO)).negated(),
        charges: sum(&mut charges().filter(|net| Money::ZERO < *net)),
        net,
        tax,
        gross,
        rounding: minus(payable, gross),
        payable,
    }
}

/// All that is left of an invoice, and its pieces: a mirror of it as long as nothing was credited.
pub(super) fn rest(original: &Document, balance: &Balance) -> (Priced, Pieces) {
    let is_whole = balance.returned.is_empty()
        && balance.payable_left == original.totals.payable
        && balance.left.iter().all(|left| {
            let is_it = |tax: &&TaxTotal| tax.tax == left.tax;
            let sold = original.taxes.iter().find(is_it);
            sold.is_some_and(|sold| (sold.base, sold.amount) == (left.base, left.amount))
        });
    if is_whole {
        let priced = Priced {
            lines: original.lines.clone(),
            charges: original.charges.clone(),
            taxes: original.taxes.clone(),
            totals: original.totals,
        };
        return (priced, sold(original));
    }
    let mut priced = Priced {
        lines: Vec::new(),
        charges: Vec::new(),
        taxes: Vec::new(),
        totals: Totals::default(),
    };
    let mut returned = balance.returned.clone();
    let mut pieces = Pieces::new();
    for line in &original.lines {
        let gone = returned.get(&line.product_id).copied().unwrap_or_default().min(line.quantity);
        returned.entry(line.product_id.clone()).and_modify(|count| *count -= gone);
        let left = line.quantity - gone;
        if 0 < left {
            *pieces.entry(line.product_id.clone()).or_default() += left;
            priced.lines.push(part_of(line, left, original.decimals));
        }
    }
    for Left { tax, base, amount } in &balance.left {
        let lines = priced.lines.iter().filter(|line| line.tax == *tax);
        let of_lines = lines.fold(Money::ZERO, |sum, line| plus(sum, line.net));
        give_rest(&mut priced, original, tax, (minus(*base, of_lines), of_lines));
        if *base != Money::ZERO || *amount != Money::ZERO {
            let (tax, base, amount) = (tax.clone(), *base, *amount);
            priced.taxes.push(TaxTotal { tax, base, amount });
        }
    }
    priced.totals = totals(&priced, Some(balance.payable_left));
    (priced, pieces)
}

/// What of a rate is left beside its lines: its charges as they were invoiced, a rounding, or an amount of its own.
fn give_rest(
    priced: &mut Priced,
    original: &Document,
    tax: &Taxed,
    (over, of_lines): (Money, Money),
) {
    let slack = step(original.decimals).saturating_mul(10);
    let is_near = |net: Money| minus(over, net).magnitude().units() <= slack;
    let charges: Vec<_> = original.charges.iter().filter(|it| it.tax == *tax).cloned().collect();
    let of_charges = charges.iter().fold(Money::ZERO, |sum, charge| plus(sum, charge.net));
    if !charges.is_empty() && is_near(of_charges) {
        priced.charges.extend(charges);
        move_by(priced, tax, minus(over, of_charges));
    } else if is_near(Money::ZERO) && of_lines != Money::ZERO {
        move_by(priced, tax, over);
    } else if over != Money::ZERO {
        let amount = match original.prices {
            Prices::Net => over,
            Prices::Gross => with_tax(over, tax, original.decimals),
        };
        priced.charges.push(DocumentCharge { amount, ..rest_of(tax, over) });
    }
}

/// A net amount with its tax, rounded to the currency.
fn with_tax(net: Money, tax: &Taxed, decimals: u32) -> Money {
    let hundred = 100 * i128::from(SCALE);
    let percent = i128::from(tax.percent.value().units());
    let gross = divided(i128::from(net.units()) * (hundred + percent), hundred);
    rounded(i64::try_from(gross).map_or(net, Money::from_units), decimals)
}

/// Pieces of lines, above zero.
pub(super) fn pieces_of(lines: &[Line]) -> Pieces {
    let mut pieces = Pieces::new();
    for line in lines {
        *pieces.entry(line.product_id.clone()).or_default() += line.quantity.saturating_abs();
    }
    pieces
}

/// Pieces of an invoice.
pub(super) fn sold(original: &Document) -> Pieces {
    let mut sold = Pieces::new();
    for line in &original.lines {
        *sold.entry(line.product_id.clone()).or_default() += line.quantity;
    }
    sold
}

/// Are all pieces of an invoice credited with these?
pub(super) fn complete(
    original: &Document,
    balance: &Balance,
    pieces: &Pieces,
) -> Result<bool, Over> {
    let mut left = sold(original);
    for (product, count) in balance.returned.iter() {
        *left.entry(product.clone()).or_default() -= count;
    }
    for (product, count) in pieces {
        let left = left.entry(product.clone()).or_default();
        if *left < *count {
            return Err(Over::Pieces { product: product.clone(), wanted: *count, left: *left });
        }
        *left -= count;
    }
    Ok(left.values().all(|left| *left == 0))
}

/// Some pieces of a line, and their share of its amounts.
pub(super) fn part_of(line: &DocumentLine, pieces: i64, decimals: u32) -> DocumentLine {
    if pieces == line.quantity {
        return line.clone();
    }
    let share = |amount: Money| {
        let units = i128::from(amount.units()) * i128::from(pieces);
        i64::try_from(divided(units, i128::from(line.quantity))).map_or(amount, Money::from_units)
    };
    DocumentLine {
        quantity: pieces,
        discount: line.discount.map(share),
        net: rounded(share(line.net), decimals),
        amount: rounded(share(line.amount), decimals),
        ..line.clone()
    }
}
