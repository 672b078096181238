//! What the headers of an invoice or a credit note say.

use crate::amount::{Code, Units};
use messaging::header;
use state::fold::Event;

/// An invoice or a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Issued<'e> {
    pub(crate) partner: &'e str,
    /// As a token; a guest has none.
    pub(crate) customer: Option<&'e str>,
    pub(crate) is_credit: bool,
    pub(crate) currency: Code,
    /// What it comes to; not below zero.
    pub(crate) payable: Units,
}

/// Reads it.
///
/// # Errors
/// A header is missing or wrong.
pub(crate) fn read<'e>(event: &Event<'e>) -> Result<Issued<'e>, String> {
    let text = |name: &'static str| -> Result<&'e str, String> {
        event.header(name).ok_or_else(|| format!("the header {name} is missing"))
    };
    let is_credit = match text(header::DOCUMENT)? {
        "invoice" => false,
        "credit_note" => true,
        other => return Err(format!("the header {} is {other:?}", header::DOCUMENT)),
    };
    let payable = text(header::PAYABLE)?;
    Ok(Issued {
        partner: text(header::PARTNER)?,
        customer: event.header(header::CUSTOMER),
        is_credit,
        currency: Code::parse(text(header::CURRENCY)?)?,
        payable: Units::parse(payable)
            .ok_or_else(|| format!("the header {} is {payable:?}, no amount", header::PAYABLE))?,
    })
}

impl Issued<'_> {
    /// What it adds to a total.
    pub(crate) const fn signed(&self) -> i128 {
        if self.is_credit { -self.payable.0 } else { self.payable.0 }
    }
}
