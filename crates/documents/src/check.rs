//! Rules of EN 16931, exact to the smallest unit of the currency. Validators of others forgive differences of up to one
//! unit of a currency, and some rules wholly; an accountant does not.

mod amounts;
mod found;
mod parties;
mod taxes;

pub use found::Broken;

use domain::invoice::Document;
use found::Found;

/// Which rules of EN 16931 a document breaks. None: its XML is an invoice of that standard.
///
/// What the XML writes by itself is not looked at here: codes, order of elements, names of parties that have none.
#[must_use]
pub fn check(document: &Document) -> Vec<Broken> {
    let mut found = Found::default();
    parties::check(document, &mut found);
    amounts::check(document, &mut found);
    taxes::check(document, &mut found);
    found.0
}
