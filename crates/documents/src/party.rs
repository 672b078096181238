//! What documents say of seller and buyer.

use domain::invoice::{Buyer, Document, TaxCode};
use domain::person::Address;

/// The company's name, or the person's if there is no company. Empty if the order has neither.
pub(crate) fn buyer_name(buyer: &Buyer) -> Option<&str> {
    let names = [buyer.person.company.as_deref(), buyer.person.name.as_deref()];
    names.into_iter().flatten().find(|name| !name.trim().is_empty())
}

/// Where the invoice goes: to where the goods go, if nothing else was said.
pub(crate) fn buyer_address(buyer: &Buyer) -> Option<&Address> {
    buyer.person.billing.as_ref().or(buyer.person.delivery.as_ref())
}

/// The digits of a French VAT number end with the SIREN of the company (CGI ann. II art. 242 nonies A wants it).
pub(crate) fn buyer_siren(buyer: &Buyer) -> Option<&str> {
    let digits = buyer.person.vat_number.as_deref()?.strip_prefix("FR")?;
    let siren = digits.get(2..)?;
    domain::seller::siren(siren).is_none().then_some(siren)
}

/// Where the goods went, if that is not where the invoice goes. A supply within the European Union has it always
/// (BR-IC-12).
pub(crate) fn delivery(document: &Document) -> Option<&Address> {
    let within = document.taxes.iter().any(|tax| tax.tax.code == TaxCode::K);
    let billed = buyer_address(&document.buyer);
    let delivered = document.buyer.person.delivery.as_ref();
    let other = delivered.filter(|delivered| Some(*delivered) != billed);
    other.or_else(|| billed.filter(|_| within))
}
