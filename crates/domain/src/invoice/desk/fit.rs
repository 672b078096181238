//! How much may be credited: never more than is left of an invoice, and the last credit note takes the rest to the cent.

use super::super::{Balance, Document, DocumentCharge, Left, TaxTotal, Taxed, Totals, step};
use super::sale::Priced;
use super::{minus, plus};
use crate::charge::ChargeKind;
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
        // Of a rate from which more was taken off than sold there is nothing to exceed: the whole is compared above.
        if left.base < Money::ZERO {
            continue;
        }
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

/// Moves the net amount of a rate; the largest part takes it.
pub(super) fn move_by(priced: &mut Priced, tax: &Taxed, by: Money) {
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
pub(super) fn rest_of(tax: &Taxed, net: Money) -> DocumentCharge {
    let kind = ChargeKind::Other;
    DocumentCharge { kind, description: None, tax: tax.clone(), net, amount: net }
}

/// Sums of parts; what is paid is their gross sum, or `payable`.
pub(super) fn totals(priced: &Priced, payable: Option<Money>) -> Totals {
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
