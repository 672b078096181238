//! Who: names, addresses, numbers.

use super::found::Found;
use crate::party::buyer_address;
use domain::Currency;
use domain::invoice::{Document, TaxCode};

pub(super) fn check(document: &Document, found: &mut Found) {
    let (seller, buyer) = (&document.seller, &document.buyer);
    found.expect("BR-02", !document.number.trim().is_empty(), || "it has no number".into());
    found.expect("BR-05", Currency::parse(&document.currency).is_ok(), || {
        format!("{:?} is no currency of ISO 4217", document.currency)
    });
    found.expect("BR-06", !seller.name.trim().is_empty(), || "the seller has no name".into());
    found.expect("BR-09", is_country(&seller.address.country), || {
        format!("the seller's country is {:?}; ISO 3166 has two capitals", seller.address.country)
    });
    match buyer_address(buyer) {
        None => found.add("BR-11", "the buyer has no address, and so no country"),
        Some(address) => found.expect("BR-11", is_country(&address.country), || {
            format!("the buyer's country is {:?}; ISO 3166 has two capitals", address.country)
        }),
    }
    found.expect("BR-CO-26", seller.vat_number.is_some() || seller.siren.is_some(), || {
        "the seller has neither a VAT number nor another number by law".into()
    });
    for (name, number) in [("seller", &seller.vat_number), ("buyer", &buyer.person.vat_number)] {
        let good = number.as_deref().is_none_or(|number| number.get(..2).is_some_and(is_country));
        found.expect("BR-CO-09", good, || {
            format!("the {name}'s VAT number does not begin with the letters of its country")
        });
    }
    for (rule, name, address) in [
        ("BR-62", "seller", &seller.electronic_address),
        ("BR-63", "buyer", &buyer.electronic_address),
    ] {
        let good = address.as_deref().is_none_or(|it| {
            it.split_once(':')
                .is_some_and(|(scheme, address)| !scheme.is_empty() && !address.is_empty())
        });
        found.expect(rule, good, || {
            format!("the {name}'s electronic address has no scheme; the form is 0225:303265045")
        });
    }
    if let Some(original) = &document.original {
        let named = !original.number.trim().is_empty();
        found.expect("BR-55", named, || "the original invoice has no number".into());
    }
    numbers_for_tax(document, found);
}

/// Which VAT numbers the codes of tax ask for, and which they forbid.
fn numbers_for_tax(document: &Document, found: &mut Found) {
    let vat = document.seller.vat_number.is_some();
    // BT-32: a French company without a VAT number is known to the tax office by its SIREN.
    let seller = vat || document.seller.siren.is_some();
    let person = &document.buyer.person;
    let buyer = person.vat_number.is_some();
    for tax in &document.taxes {
        let (rule, of_seller, of_buyer) = match tax.tax.code {
            TaxCode::S => ("BR-S-02", seller, true),
            TaxCode::Z => ("BR-Z-02", seller, true),
            TaxCode::E => ("BR-E-02", seller, true),
            TaxCode::AE => ("BR-AE-02", seller, buyer),
            TaxCode::K => ("BR-IC-02", vat, buyer),
            TaxCode::G => ("BR-G-02", vat, true),
            TaxCode::O => {
                let none = !vat && !buyer;
                found.expect("BR-O-02", none, || {
                    "what is not subject to tax (O) goes without VAT numbers".into()
                });
                continue;
            }
        };
        let code = tax.tax.code.as_str();
        found.expect(rule, of_seller, || format!("tax {code}: the seller has no VAT number"));
        found.expect(rule, of_buyer, || format!("tax {code}: the buyer has no VAT number"));
    }
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
