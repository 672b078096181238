//! What the headers of an invoice or a credit note say.

use crate::amount::{Code, Units};
use messaging::header;
use state::fold::Event;

/// An invoice or a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued<'e> {
    /// Whose order it is about.
    pub partner: &'e str,
    /// As a token; a guest has none.
    pub customer: Option<&'e str>,
    /// A credit note, and no invoice?
    pub is_credit: bool,
    /// Of what it comes to.
    pub currency: Code,
    /// What it comes to; not below zero.
    pub payable: Units,
}

/// Reads it.
///
/// # Errors
/// A header is missing or wrong.
pub fn read<'e>(event: &Event<'e>) -> Result<Issued<'e>, String> {
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
    #[must_use]
    pub const fn signed(&self) -> i128 {
        if self.is_credit { -self.payable.0 } else { self.payable.0 }
    }
}
