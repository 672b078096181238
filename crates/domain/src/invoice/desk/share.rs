//! What pieces of an invoice come to: their lines, and their share of the order's charges and discounts.
//!
//! Each rate gives the part of what is left of it that these pieces are of the pieces left, by their net amounts; the last
//! pieces take all of it. So credit notes by pieces, in any order, add up to the invoice to the cent.

use super::super::{
    Balance, Document, DocumentCharge, DocumentLine, Left, TaxTotal, Taxed, Totals, divided,
    rounded, step,
};
use super::fit::{Pieces, move_by, rest_of, sold, totals};
use super::sale::Priced;
use super::{minus, plus};
use crate::money::SCALE;
use crate::order::Line;
use crate::seller::Prices;
use crate::{Money, ProductId};

/// How exact the net amount of a part of a line is weighed.
const EXACT: i128 = 1_000_000;

/// A line of an invoice, in pieces: credited before, to be credited, and left behind that.
struct Part<'a> {
    line: &'a DocumentLine,
    before: i64,
    now: i64,
    after: i64,
}

/// A fraction of what the lines of an invoice come to.
#[derive(Clone, Copy)]
struct Fraction {
    of: i128,
    all: i128,
}

impl Fraction {
    /// A part of an amount, in units. Of the largest amounts it is as exact as 60 bits are.
    fn times(self, amount: Money) -> i128 {
        let Self { mut of, mut all } = self;
        while 1 << 60 < of.abs().max(all) {
            (of, all) = (of / 2, all / 2);
        }
        if all == 0 { 0 } else { divided(i128::from(amount.units()) * of, all) }
    }
}

/// An invoice, divided by the pieces that are credited of it.
struct Cut<'a> {
    original: &'a Document,
    parts: Vec<Part<'a>>,
    /// Is a rate of the invoice below zero? Then all of them are divided alike: no part of them may exceed the whole.
    is_alike: bool,
}

impl<'a> Cut<'a> {
    fn of(original: &'a Document, balance: &Balance, wanted: &Pieces) -> Self {
        let (mut before, mut wanted) = (balance.returned.clone(), wanted.clone());
        let take = |from: &mut Pieces, product: &ProductId, most: i64| {
            let Some(count) = from.get_mut(product) else { return 0 };
            let taken = (*count).clamp(0, most);
            *count -= taken;
            taken
        };
        let parts = original.lines.iter().map(|line| {
            let gone = take(&mut before, &line.product_id, line.quantity);
            let now = take(&mut wanted, &line.product_id, line.quantity - gone);
            Part { line, before: gone, now, after: line.quantity - gone - now }
        });
        let parts: Vec<Part<'_>> = parts.collect();
        let is_alike = original.taxes.iter().any(|tax| tax.base < Money::ZERO);
        Self { original, parts, is_alike }
    }

    /// The lines by which a rate is divided: its own, or all if it has none, as that of the shipping may.
    fn under<'s>(&'s self, tax: &'s Taxed) -> impl Iterator<Item = &'s Part<'a>> {
        let is_own = |part: &&Part<'_>| part.line.tax == *tax;
        let weighs = |part: &Part<'_>| part.line.net != Money::ZERO;
        let own = !self.is_alike && self.parts.iter().filter(is_own).any(weighs);
        self.parts.iter().filter(move |part| !own || is_own(part))
    }

    /// What some pieces are of all lines of a rate; by their number if all are free of charge.
    fn weight(&self, tax: &Taxed, pieces: impl Fn(&Part<'_>) -> i64) -> i128 {
        let is_free = self.under(tax).all(|part| part.line.net == Money::ZERO);
        let weight = |part: &Part<'_>| {
            let net = if is_free { 1 } else { i128::from(part.line.net.units()) };
            let quantity = i128::from(part.line.quantity.max(1));
            let quantity = if is_free { 1 } else { quantity };
            divided(net * i128::from(pieces(part)) * EXACT, quantity)
        };
        self.under(tax).map(weight).sum()
    }

    /// The part of a rate that is credited, of the whole invoice.
    fn now(&self, tax: &Taxed) -> Fraction {
        let of = self.weight(tax, |part| part.now);
        Fraction { of, all: self.weight(tax, |part| part.line.quantity) }
    }

    /// Base and tax of a rate that are credited. What is left then has the tax of an invoice of its own, but for a
    /// step.
    fn taken(&self, left: &Left) -> (Money, Money) {
        let Left { tax, base, amount } = left;
        if self.under(tax).all(|part| part.after == 0) {
            return (*base, *amount);
        }
        let decimals = self.original.decimals;
        let of = self.weight(tax, |part| part.now);
        let all = self.weight(tax, |part| part.now + part.after);
        let part = money(Fraction { of, all }.times(*base), decimals);
        let own = tax_on(part, tax, decimals).units();
        let rest = minus(*amount, tax_on(minus(*base, part), tax, decimals)).units();
        let step = step(decimals);
        (part, Money::from_units(rest.clamp(own - step, own + step)))
    }

    /// What is paid back of prices with tax: the part of what is left that these pieces are, by the amounts as they were
    /// ordered.
    fn payable(&self, balance: &Balance, gross: Money) -> Money {
        let amounts = |pieces: fn(&Part<'_>) -> i64| -> i128 {
            let lines = self.parts.iter().map(|part| {
                let units = i128::from(part.line.amount.units()) * i128::from(pieces(part));
                divided(units * EXACT, i128::from(part.line.quantity.max(1)))
            });
            let charges = self.original.charges.iter().map(|charge| {
                let of = self.weight(&charge.tax, pieces);
                let all = self.weight(&charge.tax, |part| part.line.quantity);
                Fraction { of, all }.times(charge.amount) * EXACT
            });
            lines.chain(charges).sum()
        };
        let (now, after) = (amounts(|part| part.now), amounts(|part| part.after));
        let left = Fraction { of: after.max(0), all: (now + after).max(0) };
        let own = minus(
            balance.payable_left,
            money(left.times(balance.payable_left), self.original.decimals),
        );
        let rates = i64::try_from(balance.left.len()).unwrap_or(i64::MAX);
        let slack = step(self.original.decimals).saturating_mul(rates.saturating_add(1));
        // Others may have given back at other prices.
        let is_near = minus(own, gross).magnitude().units() <= slack.saturating_mul(2);
        let payable = if is_near { own } else { gross };
        payable.clamp(Money::ZERO, balance.payable_left.max(Money::ZERO))
    }
}

/// Pieces of an invoice at its prices, with their share of its charges; with the last ones, all that is left.
pub(super) fn share(original: &Document, balance: &Balance, wanted: &Pieces) -> Priced {
    let cut = Cut::of(original, balance, wanted);
    let lines = cut.parts.iter().filter(|part| 0 < part.now);
    let mut priced = Priced {
        lines: lines.map(|part| part_of(part.line, part.now, original.decimals)).collect(),
        charges: Vec::new(),
        taxes: Vec::new(),
        totals: Totals::default(),
    };
    for left in &balance.left {
        let (tax, (base, amount)) = (&left.tax, cut.taken(left));
        let lines = priced.lines.iter().filter(|line| line.tax == *tax);
        let of_lines = lines.fold(Money::ZERO, |sum, line| plus(sum, line.net));
        give_rest(&mut priced, &cut, tax, (minus(base, of_lines), of_lines));
        let is_named = priced.lines.iter().any(|line| line.tax == *tax)
            || priced.charges.iter().any(|charge| charge.tax == *tax);
        if is_named || base != Money::ZERO || amount != Money::ZERO {
            priced.taxes.push(TaxTotal { tax: tax.clone(), base, amount });
        }
    }
    let made = totals(&priced, None);
    let payable = match original.prices {
        _ if cut.parts.iter().all(|part| part.after == 0) => Some(balance.payable_left),
        Prices::Gross => Some(cut.payable(balance, made.gross)),
        Prices::Net => None,
    };
    priced.totals = totals(&priced, payable);
    priced
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
    let mut pieces = sold(original);
    for (product, count) in &balance.returned {
        pieces.entry(product.clone()).and_modify(|left| *left -= count);
    }
    pieces.retain(|_, left| 0 < *left);
    (share(original, balance, &pieces), pieces)
}

/// Do lines come back at the prices of an invoice that has discounts and no other charges? Then their share of it is what
/// was paid for them.
pub(super) fn is_only_discounted(original: &Document, lines: &[Line]) -> bool {
    let charges = &original.charges;
    let is_off = charges.iter().all(|charge| charge.net <= Money::ZERO);
    !charges.is_empty() && is_off && is_as_sold(original, lines)
}

/// Do lines come back at the prices of the invoice?
fn is_as_sold(original: &Document, lines: &[Line]) -> bool {
    let step = step(original.decimals);
    lines.iter().all(|line| {
        let mut sold = original.lines.iter().filter(|sold| sold.product_id == line.product_id);
        sold.any(|sold| {
            let pieces = line.quantity.saturating_abs();
            let as_sold = part_of(sold, pieces.min(sold.quantity), original.decimals).amount;
            let total = line.total().map_or(Money::ZERO, Money::magnitude);
            pieces <= sold.quantity && minus(total, as_sold).magnitude().units() <= step
        })
    })
}

/// The share of the invoice's discounts that pieces have which come back at its prices; nothing if they come back at
/// others. What was taken off the order was not paid for them.
pub(super) fn discounts(
    original: &Document,
    balance: &Balance,
    lines: &[Line],
    wanted: &Pieces,
) -> Vec<DocumentCharge> {
    if !is_as_sold(original, lines) {
        return Vec::new();
    }
    let cut = Cut::of(original, balance, wanted);
    let (mut before, mut now) = (0, 0);
    let discounts = original.charges.iter().filter(|charge| charge.net < Money::ZERO);
    let parts = discounts.map(|charge| {
        let all = cut.weight(&charge.tax, |part| part.line.quantity);
        let up_to = |of| Fraction { of, all }.times(charge.amount);
        // The sum of all discounts is rounded, and not each: several cents of one piece would be more than its price.
        let then = minus(money(now, original.decimals), money(before, original.decimals));
        before += up_to(cut.weight(&charge.tax, |part| part.before));
        now += up_to(cut.weight(&charge.tax, |part| part.before + part.now));
        let sum = minus(money(now, original.decimals), money(before, original.decimals));
        DocumentCharge { amount: minus(sum, then), ..charge.clone() }
    });
    parts.filter(|charge| charge.amount != Money::ZERO).collect()
}

/// What of a rate is credited beside its lines: its charges as they were invoiced, their share, a rounding, or an amount
/// of its own.
fn give_rest(priced: &mut Priced, cut: &Cut<'_>, tax: &Taxed, (over, of_lines): (Money, Money)) {
    let original = cut.original;
    let slack = step(original.decimals).saturating_mul(10);
    let is_near = |net: Money| minus(over, net).magnitude().units() <= slack;
    let charges = || original.charges.iter().filter(|charge| charge.tax == *tax);
    let now = cut.now(tax);
    let part = |charge: &DocumentCharge| DocumentCharge {
        net: money(now.times(charge.net), original.decimals),
        amount: money(now.times(charge.amount), original.decimals),
        ..charge.clone()
    };
    let is_off = |charge: &&DocumentCharge| charge.net < Money::ZERO;
    // Pieces have their share of all charges. What is left behind returns has what these left of them.
    let shared: Vec<DocumentCharge> = charges().map(part).collect();
    let returned = charges().map(|it| if is_off(&it) { part(it) } else { it.clone() }).collect();
    let whole = charges().cloned().collect();
    let net = |charges: &[DocumentCharge]| {
        charges.iter().fold(Money::ZERO, |sum, charge| plus(sum, charge.net))
    };
    let found = [shared, returned, whole].into_iter().find(|it: &Vec<_>| is_near(net(it)));
    match found.filter(|charges| !charges.is_empty()) {
        Some(charges) => {
            let over = minus(over, net(&charges));
            let is_any =
                |charge: &DocumentCharge| charge.net != Money::ZERO || charge.amount != Money::ZERO;
            priced.charges.extend(charges.into_iter().filter(is_any));
            move_by(priced, tax, over);
        }
        None if is_near(Money::ZERO) && of_lines != Money::ZERO => move_by(priced, tax, over),
        None if over != Money::ZERO => {
            let amount = match original.prices {
                Prices::Net => over,
                Prices::Gross => with_tax(over, tax, original.decimals),
            };
            priced.charges.push(DocumentCharge { amount, ..rest_of(tax, over) });
        }
        None => {}
    }
}

/// An amount in units, rounded to the currency.
fn money(units: i128, decimals: u32) -> Money {
    rounded(i64::try_from(units).map_or(Money::ZERO, Money::from_units), decimals)
}

fn tax_on(base: Money, tax: &Taxed, decimals: u32) -> Money {
    let hundred = 100 * i128::from(SCALE);
    let product = i128::from(base.units()) * i128::from(tax.percent.value().units());
    let step = i128::from(step(decimals));
    money(divided(product, hundred * step) * step, decimals)
}

/// A net amount with its tax, rounded to the currency.
fn with_tax(net: Money, tax: &Taxed, decimals: u32) -> Money {
    let hundred = 100 * i128::from(SCALE);
    let percent = i128::from(tax.percent.value().units());
    money(divided(i128::from(net.units()) * (hundred + percent), hundred), decimals)
}

/// Some pieces of a line, and their share of its amounts.
fn part_of(line: &DocumentLine, pieces: i64, decimals: u32) -> DocumentLine {
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
