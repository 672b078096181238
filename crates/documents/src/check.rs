//! Rules of EN 16931, exact to the smallest unit of the currency. Validators of others forgive differences of up to one
//! unit of a currency, and some rules wholly; an accountant does not.

mod amounts;
mod found;
mod parties;
mod taxes;

pub use found::Broken;

use domain::invoice::{Document, DocumentKind};
use found::Found;

/// May the document be given to others as an electronic invoice: is its XML valid by EN 16931 for their validators?
#[must_use]
pub fn is_electronic(document: &Document) -> bool {
    check(document).iter().all(|broken| broken.is_forgiven)
}

/// Which rules of EN 16931 a document breaks, exactly.
///
/// What the XML writes by itself is not looked at here: codes, order of elements, names of parties that have none.
#[must_use]
pub fn check(document: &Document) -> Vec<Broken> {
    let mut found = Found::default();
    parties::check(document, &mut found);
    amounts::check(document, &mut found);
    amounts::decimals(document, &mut found);
    taxes::amounts(document, &mut found);
    taxes::categories(document, &mut found);
    found.0
}

/// Which sums of a document, and which tax, are not what they are made of; not whether it can be an electronic invoice
/// (a guest without an address is none, and nothing is wrong with its amounts).
#[must_use]
pub fn check_amounts(document: &Document) -> Vec<Broken> {
    let mut found = Found::default();
    amounts::check(document, &mut found);
    taxes::amounts(document, &mut found);
    // The last credit note takes what is left of its invoice, and the tax with it.
    let is_credit = document.kind == DocumentKind::CreditNote;
    found.0.retain(|broken| !(is_credit && broken.is_forgiven));
    found.0
}
