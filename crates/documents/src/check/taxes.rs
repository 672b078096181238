//! Tax by category and rate.

use super::found::{Found, sum};
use crate::exact;
use crate::party::buyer_address;
use crate::sums::taxes;
use domain::Money;
use domain::invoice::{Document, TaxCode, TaxTotal, Taxed};
use domain::money::SCALE;

/// What is taxed and the tax, of each rate.
pub(super) fn amounts(document: &Document, found: &mut Found) {
    let taxes = taxes(document);
    let parts = || {
        let lines = document.lines.iter().map(|line| (&line.tax, line.net));
        lines.chain(document.charges.iter().map(|charge| (&charge.tax, charge.net)))
    };
    for tax in &taxes {
        let name = shown(&tax.tax);
        let rules = rules(tax.tax.code);
        let of_rate = parts().filter(|(part, _)| is_same(part, &tax.tax)).map(|(_, net)| net);
        found.equal(rules.base, &format!("what is taxed at {name}"), tax.base, sum(of_rate));
        let exact = percent_of(document.decimals, tax);
        let said = format!("the tax at {name}");
        match tax.tax.code {
            TaxCode::S => found.near(rules.amount, &said, tax.amount, exact),
            _ => found.equal(rules.amount, &said, tax.amount, exact),
        }
    }
    for (part, _) in parts().filter(|(part, _)| !taxes.iter().any(|tax| is_same(part, &tax.tax))) {
        found.add("BR-CO-18", format!("{} is not in the summary of taxes", shown(part)));
    }
}

/// What each category asks for.
pub(super) fn categories(document: &Document, found: &mut Found) {
    let taxes = taxes(document);
    for tax in &taxes {
        let name = shown(&tax.tax);
        let zero = tax.tax.percent.value() == Money::ZERO;
        let fits = zero != tax.tax.code.has_tax();
        let rule = rules(tax.tax.code).rate;
        found.expect(rule, fits, || format!("{name} is no rate of this category"));
        // Other categories have a code that says why.
        if tax.tax.code == TaxCode::E {
            let said = tax.tax.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty());
            found.expect("BR-E-10", said, || format!("no reason is given for {name}"));
        }
        if tax.tax.code == TaxCode::K {
            found.expect("BR-IC-12", buyer_address(&document.buyer).is_some(), || {
                "nothing says to which country the goods go".into()
            });
        }
    }
    let outside = taxes.iter().any(|tax| tax.tax.code == TaxCode::O);
    found.expect("BR-O-11", !outside || taxes.len() == 1, || {
        "what is not subject to tax (O) stands with what is".into()
    });
}

/// Names of the rules of a category.
struct Rules {
    base: &'static str,
    amount: &'static str,
    rate: &'static str,
}

const fn rules(code: TaxCode) -> Rules {
    let (base, amount, rate) = match code {
        TaxCode::S => ("BR-S-08", "BR-CO-17", "BR-S-05"),
        TaxCode::Z => ("BR-Z-08", "BR-Z-09", "BR-Z-05"),
        TaxCode::E => ("BR-E-08", "BR-E-09", "BR-E-05"),
        TaxCode::AE => ("BR-AE-08", "BR-AE-09", "BR-AE-05"),
        TaxCode::K => ("BR-IC-08", "BR-IC-09", "BR-IC-05"),
        TaxCode::G => ("BR-G-08", "BR-G-09", "BR-G-05"),
        TaxCode::O => ("BR-O-08", "BR-O-09", "BR-O-05"),
    };
    Rules { base, amount, rate }
}

fn is_same(one: &Taxed, other: &Taxed) -> bool {
    (one.code, one.percent) == (other.code, other.percent)
}

fn shown(tax: &Taxed) -> String {
    format!("{} % ({})", tax.percent.value(), tax.code.as_str())
}

/// Base × percent, rounded half away from zero to the decimals of the currency, in units of [`Money`].
fn percent_of(decimals: u32, tax: &TaxTotal) -> i128 {
    let product = i128::from(tax.base.units()) * i128::from(tax.tax.percent.value().units());
    let step = exact::step(decimals);
    exact::divided(product, 100 * i128::from(SCALE) * step) * step
}
