//! Elements that occur in several places.

use crate::xml::Xml;
use chrono::NaiveDate;
use domain::Money;
use domain::invoice::{TaxCode, Taxed};

/// A day in the basic format of ISO 8601.
pub(super) fn day(xml: &mut Xml, name: &str, day: NaiveDate) {
    xml.text_with(name, ("format", "102"), &day.format("%Y%m%d").to_string());
}

pub(super) fn amount(xml: &mut Xml, name: &str, amount: Money) {
    xml.text(name, &amount.to_string());
}

/// Category and rate. What is not subject to tax has no rate (BR-O-05).
pub(super) fn taxed(xml: &mut Xml, name: &str, tax: &Taxed) {
    xml.inside(name, |xml| {
        xml.text("ram:TypeCode", "VAT");
        xml.text("ram:CategoryCode", tax.code.as_str());
        rate(xml, tax);
    });
}

pub(super) fn rate(xml: &mut Xml, tax: &Taxed) {
    if tax.code != TaxCode::O {
        xml.text("ram:RateApplicablePercent", &tax.percent.value().to_string());
    }
}
