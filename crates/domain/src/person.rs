//! A person who orders: name, addresses, and how to reach them. Personal data: only the places that
//! docs/OPERATIONS.md lists hold it.
//!
//! Reasons in this module name the field and the limit, and never the value: they end in logs and in
//! dead letters.

mod address;
mod columns;
mod countries;
mod telephone;
mod text;

pub(crate) use columns::ADDRESSES;

pub use address::{ADDRESS_LINES_MAX, Address};
pub use columns::{add_column, of_columns};
pub use telephone::{is_e164, without_separators};
pub use text::NAME_CHARS_MAX;

use crate::problem::Problem;
use crate::seller;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use text::name_problem;

/// Most bytes of an e-mail address (RFC 5321).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Most bytes before the `@` of an e-mail address.
const EMAIL_LOCAL_MAX: usize = 64;

/// What an order, or somebody who edits a customer, says of a person. Everything may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Person {
    /// At most 300 characters of any script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 254 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// E.164: `+33612345678`. Blanks, points, hyphens and brackets are taken out.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "phone_as_written")]
    pub phone: Option<String>,
    /// At most 300 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// With the letters of its country: `FR40303265045`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<String>,
    /// Where the invoice goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<Address>,
    /// Where the goods go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Address>,
    /// Of what is written to them: `fr` or `fr-CA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Reads a telephone number as people write it; for `deserialize_with`.
///
/// # Errors
/// It is not text.
pub fn phone_as_written<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.map(|text| without_separators(&text)))
}

impl Person {
    /// Is nothing said?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it, by the path of the field.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut look = |field: &str, text: &Option<String>, rule: fn(&str) -> Option<String>| {
            if let Some(reason) = text.as_deref().and_then(rule) {
                found.push(Problem { field: field.to_owned(), reason });
            }
        };
        look("name", &self.name, name_problem);
        look("email", &self.email, email_problem);
        look("phone", &self.phone, telephone::problem);
        look("company", &self.company, name_problem);
        look("vat_number", &self.vat_number, vat_problem);
        look("language", &self.language, language_problem);
        for (field, address) in [("billing", &self.billing), ("delivery", &self.delivery)] {
            found.extend(address.iter().flat_map(|address| address.problems(field)));
        }
        found
    }

    /// Takes what `newer` says; what it does not say stays.
    pub fn take(&mut self, newer: &Self) {
        let take = |old: &mut Option<String>, new: &Option<String>| {
            if new.is_some() {
                old.clone_from(new);
            }
        };
        take(&mut self.name, &newer.name);
        take(&mut self.email, &newer.email);
        take(&mut self.phone, &newer.phone);
        take(&mut self.company, &newer.company);
        take(&mut self.vat_number, &newer.vat_number);
        take(&mut self.language, &newer.language);
        if newer.billing.is_some() {
            self.billing.clone_from(&newer.billing);
        }
        if newer.delivery.is_some() {
            self.delivery.clone_from(&newer.delivery);
        }
    }
}

/// Does a customer's number look like an e-mail address or a telephone number? Then it is personal itself.
///
/// A telephone number begins with `+`, with `00` and a country, or has ten or eleven digits of which the first
/// is 0 and the second is not. Other numbers are taken for numbers of customers.
#[must_use]
pub fn is_personal(id: &str) -> bool {
    let is_email = id.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && host.contains('.') && !host.starts_with('.') && !id.contains(' ')
    });
    is_email || telephone::is_number(id)
}

/// What is wrong with an e-mail address, if anything is; the value is not repeated.
#[must_use]
pub fn email_problem(text: &str) -> Option<String> {
    let bytes = text.len();
    if EMAIL_BYTES_MAX < bytes {
        return Some(format!("has {bytes} bytes, the limit is {EMAIL_BYTES_MAX}"));
    }
    let is_plain = |text: &str| {
        let bad = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c);
        !text.is_empty() && !text.contains(bad) && !text.contains("..")
    };
    let good = text.rsplit_once('@').is_some_and(|(local, host)| {
        let edges = |text: &str| text.starts_with(['.', '-']) || text.ends_with(['.', '-']);
        is_plain(local) && local.len() <= EMAIL_LOCAL_MAX && is_plain(host) && !edges(host)
    });
    (!good).then(|| "is not an e-mail address such as name@example.org".into())
}

fn vat_problem(text: &str) -> Option<String> {
    // The seller's text repeats the number.
    let form = "a VAT number has two letters and 2 to 13 capitals or digits, no blanks";
    seller::vat_number(text).map(|_| format!("has another form; {form}"))
}

/// What is wrong with the code of a language, if anything is.
#[must_use]
pub fn language_problem(text: &str) -> Option<String> {
    let (language, region) = text.split_once('-').unwrap_or((text, "XX"));
    let lower = language.bytes().all(|byte| byte.is_ascii_lowercase());
    let upper = region.bytes().all(|byte| byte.is_ascii_uppercase());
    let good = (2..=3).contains(&language.len()) && lower && region.len() == 2 && upper;
    (!good).then(|| "is not a language such as fr or fr-CA (ISO 639, ISO 3166)".into())
}

#[cfg(test)]
mod tests;
