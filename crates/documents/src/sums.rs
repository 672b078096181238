//! Sums as EN 16931 shows them.

use domain::Money;
use domain::invoice::{Document, TaxTotal};

/// Lines, and what is taken off and added. Where there are charges only, they are shown as lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) lines: Money,
    pub(crate) allowances: Money,
    pub(crate) charges: Money,
}

impl Sums {
    pub(crate) const fn of(document: &Document) -> Self {
        let totals = &document.totals;
        if document.lines.is_empty() {
            return Self { lines: totals.net, allowances: Money::ZERO, charges: Money::ZERO };
        }
        Self { lines: totals.lines, allowances: totals.allowances, charges: totals.charges }
    }
}

/// Tax by category and rate (BG-23): each combination once, whatever reasons were given for it.
pub(crate) fn taxes(document: &Document) -> Vec<TaxTotal> {
    let mut merged: Vec<TaxTotal> = Vec::with_capacity(document.taxes.len());
    for tax in &document.taxes {
        let same = |one: &&mut TaxTotal| {
            (one.tax.code, one.tax.percent) == (tax.tax.code, tax.tax.percent)
        };
        let Some(found) = merged.iter_mut().find(same) else {
            merged.push(tax.clone());
            continue;
        };
        let plus = |one: Money, other| one.plus(other).unwrap_or(one);
        (found.base, found.amount) = (plus(found.base, tax.base), plus(found.amount, tax.amount));
        match (&mut found.tax.reason, &tax.tax.reason) {
            (Some(reason), Some(other)) => *reason = format!("{reason}; {other}"),
            (reason, other) => *reason = reason.take().or_else(|| other.clone()),
        }
    }
    merged
}
