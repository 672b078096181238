//! Lines and sums.

use super::found::{Found, sum};
use crate::exact;
use crate::sums::Sums;
use domain::Money;
use domain::invoice::{Document, DocumentKind, DocumentLine};
use domain::seller::Prices;

pub(super) fn check(document: &Document, found: &mut Found) {
    let any = !document.lines.is_empty() || !document.charges.is_empty();
    found.expect("BR-16", any, || "it has neither a line nor a charge".into());
    for (number, line) in (1..).zip(&document.lines) {
        check_line(document, number, line, found);
    }
    totals(document, found);
}

fn check_line(document: &Document, number: usize, line: &DocumentLine, found: &mut Found) {
    let name = |what: &str| format!("{what} of line {number}");
    found.expect("BR-22", 0 < line.quantity, || format!("line {number} has no pieces"));
    found.expect("BR-27", Money::ZERO <= line.unit_price && Money::ZERO <= line.net, || {
        format!("the price of line {number} is below zero")
    });
    if document.kind == DocumentKind::CreditNote {
        // A share of a line of its invoice.
        return;
    }
    let whole = exact::rounded(ordered(line), document.decimals);
    // BT-131 is quantity × price less discount.
    found.near("BR-24", &name("the amount"), line.amount, whole);
    if document.prices == Prices::Net {
        found.near("BR-24", &name("the net amount"), line.net, whole);
    }
}

/// Quantity × price less discount, not rounded.
fn ordered(line: &DocumentLine) -> i128 {
    let price = i128::from(line.unit_price.units()) * i128::from(line.quantity);
    price - line.discount.map_or(0, |discount| i128::from(discount.units()))
}

fn totals(document: &Document, found: &mut Found) {
    let (totals, sums) = (&document.totals, Sums::of(document));
    let units = |amount: Money| i128::from(amount.units());
    let charges = || document.charges.iter().map(|charge| charge.net);
    let lines = sum(document.lines.iter().map(|line| line.net));
    let off = -sum(charges().filter(|net| *net < Money::ZERO));
    let added = sum(charges().filter(|net| Money::ZERO < *net));
    found.equal("BR-CO-10", "the sum of the lines", totals.lines, lines);
    found.equal("BR-CO-11", "the sum of what is taken off", totals.allowances, off);
    found.equal("BR-CO-12", "the sum of what is added", totals.charges, added);
    let net = units(sums.lines) - units(sums.allowances) + units(sums.charges);
    found.equal("BR-CO-13", "the total without tax", totals.net, net);
    let net = lines - off + added;
    found.equal("BR-CO-13", "the total without tax", totals.net, net);
    let tax = sum(document.taxes.iter().map(|tax| tax.amount));
    found.equal("BR-CO-14", "the tax", totals.tax, tax);
    let gross = units(totals.net) + units(totals.tax);
    found.equal("BR-CO-15", "the total with tax", totals.gross, gross);
    let payable = units(totals.gross) + units(totals.rounding);
    found.equal("BR-CO-16", "what is to be paid", totals.payable, payable);
    if document.kind == DocumentKind::CreditNote {
        // It takes at most what is left of its invoice.
        return;
    }
    match document.prices {
        Prices::Net => found.near("rounding", "the rounding of net prices", totals.rounding, 0),
        // What is paid is the order's total.
        Prices::Gross => {
            let lines: i128 = document.lines.iter().map(ordered).sum();
            let charges = sum(document.charges.iter().map(|charge| charge.amount));
            let paid = exact::rounded(lines + charges, document.decimals);
            // A charge is rounded by itself, and what is paid as a whole.
            let slack = exact::step(document.decimals) * document.charges.len() as i128;
            if slack < (paid - units(totals.payable)).abs() {
                found.near("gross", "what is to be paid", totals.payable, paid);
            }
        }
    }
}

/// EN 16931 has two decimals at most, also for currencies that have three.
pub(super) fn decimals(document: &Document, found: &mut Found) {
    let totals = &document.totals;
    let of_totals = [
        ("BR-DEC-09", totals.lines),
        ("BR-DEC-10", totals.allowances),
        ("BR-DEC-11", totals.charges),
        ("BR-DEC-12", totals.net),
        ("BR-DEC-13", totals.tax),
        ("BR-DEC-14", totals.gross),
        ("BR-DEC-17", totals.rounding),
        ("BR-DEC-18", totals.payable),
    ];
    let lines = document.lines.iter().map(|line| ("BR-DEC-23", line.net));
    let charges = document.charges.iter().map(|charge| match charge.net < Money::ZERO {
        true => ("BR-DEC-01", charge.net),
        false => ("BR-DEC-05", charge.net),
    });
    let taxes = document.taxes.iter();
    let taxes = taxes.flat_map(|tax| [("BR-DEC-19", tax.base), ("BR-DEC-20", tax.amount)]);
    let all = of_totals.into_iter().chain(lines).chain(charges).chain(taxes);
    let mut rules: Vec<&'static str> = Vec::new();
    for (rule, amount) in all {
        if amount.units() % 100 != 0 && !rules.contains(&rule) {
            rules.push(rule);
            found.add(rule, format!("{amount} has more than two decimals"));
        }
    }
}
