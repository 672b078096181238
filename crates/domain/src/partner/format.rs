//! How a partner's CSV looks.

use super::Transform;
use super::columns::{Column, Columns};
use super::encoding::Encoding;
use super::signs::{Delimiter, Quote, QuoteEscape};
use crate::charge::ChargeRow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a partner's CSV looks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileFormat {
    /// What separates the columns.
    #[serde(default)]
    #[schemars(with = "String")]
    pub delimiter: Delimiter,
    /// Character encoding.
    #[serde(default)]
    #[schemars(with = "String")]
    pub encoding: Encoding,
    /// What may enclose a field.
    #[serde(default, skip_serializing_if = "Quote::is_double")]
    #[schemars(with = "String")]
    pub quote: Quote,
    /// How a quote is written inside a field in quotes.
    #[serde(default, skip_serializing_if = "QuoteEscape::is_doubled")]
    pub quote_escape: QuoteEscape,
    /// May a field in quotes go on on the next line?
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub line_ends_in_fields: bool,
    /// `.` or `,`. Never found out by looking: `1,234` would be two amounts.
    #[serde(default = "dot")]
    pub decimal_mark: char,
    /// What groups digits by three: `.`, `,`, `'` or a blank, which stands for hard and narrow ones
    /// as well. Without it no digits are grouped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands_mark: Option<char>,
    /// Signs and codes that may stand at an amount, such as `£` and `GBP`. Any other makes the row
    /// a reject: it may be another currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub currency_signs: Vec<String>,
    /// `strftime` formats tried in this order; without an offset the partner's time zone holds.
    #[serde(default = "iso_dates")]
    pub dates: Vec<String>,
    /// Lines before the header that are passed over unseen. Others are found by themselves: the
    /// header is the first line with all columns.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub preamble_lines: u32,
    /// Lines with text at the end of the file that are no rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub footer_lines: u32,
    /// From the first row on whose line contains this, nothing is a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer_marker: Option<String>,
    /// The last line says what the file holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailer: Option<Trailer>,
    /// A row with the order of the row before, or with none, has that row's date, customer and
    /// region where its own are empty.
    #[serde(default, skip_serializing_if = "is_false")]
    pub continued_rows: bool,
    /// What a row is that has fewer fields than the header.
    #[serde(default, skip_serializing_if = "ShortRows::is_reject")]
    pub short_rows: ShortRows,
    /// Its files come encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decrypt: Option<Decrypt>,
    /// Which column holds what.
    pub columns: Columns,
    /// Products that are none: rows with these product codes are charges of their order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub charges: BTreeMap<String, ChargeRow>,
    /// Columns that are made of several, and rows that are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
}

impl FileFormat {
    /// Does the partner have this column, or does its transform make it?
    #[must_use]
    pub fn has(&self, column: Column) -> bool {
        let made = self.transform.as_ref().map(|transform| &transform.columns);
        let is_made = made.is_some_and(|made| made.contains_key(&column));
        is_made || self.columns.names(column).is_some()
    }

    /// Comma, UTF-8, decimal dot, ISO dates.
    #[must_use]
    pub fn new(columns: Columns) -> Self {
        Self {
            delimiter: Delimiter::default(),
            encoding: Encoding::default(),
            quote: Quote::default(),
            quote_escape: QuoteEscape::default(),
            line_ends_in_fields: true,
            decimal_mark: dot(),
            thousands_mark: None,
            currency_signs: Vec::new(),
            dates: iso_dates(),
            preamble_lines: 0,
            footer_lines: 0,
            footer_marker: None,
            trailer: None,
            continued_rows: false,
            short_rows: ShortRows::default(),
            decrypt: None,
            columns,
            charges: BTreeMap::new(),
            transform: None,
        }
    }
}

/// What a row is that has fewer fields than the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShortRows {
    /// A reject: a part of it may be lost.
    #[default]
    Reject,
    /// A row whose last cells are empty, as some programs leave them out.
    Fill,
}

impl ShortRows {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_reject(&self) -> bool {
        *self == Self::Reject
    }
}

/// Files that are encrypted with OpenPGP: what opens them, by the names of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Decrypt {
    /// Name of the secret with the private keys that files are encrypted to, armoured.
    pub private_key_secret: String,
    /// Name of the secret with the passphrase of these keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase_secret: Option<String>,
    /// Name of the secret with the public keys of which one must have signed a file, armoured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_key_secret: Option<String>,
    /// Is a file refused that is not encrypted?
    #[serde(default = "yes")]
    pub required: bool,
}

/// A last line with figures of the file. Fields are counted from 1, which is the marker's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trailer {
    /// What stands in its first field, and in no row's.
    pub marker: String,
    /// The field that says how many rows the file has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// That of the sum of the quantities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<usize>,
    /// That of the sum of quantity × unit price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// Is a file without it refused?
    #[serde(default = "yes")]
    pub required: bool,
}

fn yes() -> bool {
    true
}

fn dot() -> char {
    '.'
}

fn iso_dates() -> Vec<String> {
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%d"].map(String::from).into()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(flag: &bool) -> bool {
    *flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_written_as_it_is_read() {
        let json = r#"{"delimiter":"tab","encoding":"utf-16le","decimal-mark":",","thousands-mark":".",
            "currency-signs":["€"],"dates":["%d/%m/%Y"],"preamble-lines":2,"footer-lines":1,
            "footer-marker":"Total","trailer":{"marker":"T","rows":2,"required":false},
            "continued-rows":true,"quote":"'","quote-escape":"backslash","line-ends-in-fields":false,
            "columns":{"order-id":["A","B"],
            "product-id":"C","quantity":"D","unit-price":"E","returns":"R","email":"M",
            "billing":{"street":["S1","S2"],"country":"L"}},"transform":{"columns":
            {"ordered-at":"F || G"},"where":"H <> 'x'","look-ups":{"skus":{"a":"b"},"x":"x.csv"}}}"#;
        let format: FileFormat = serde_json::from_str(json).unwrap();
        assert_eq!(format.delimiter, Delimiter::Is('\t'));
        assert_eq!(format.columns.order_id.to_string(), "A / B");
        let made = Column::OrderedAt;
        for column in [made, Column::Returns, Column::BillingStreet, Column::BillingCountry] {
            assert!(format.has(column), "{column:?}");
        }
        assert!(!format.has(Column::BillingCity) && !format.has(Column::DeliveryStreet));
        let written = serde_json::to_value(&format).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(json).unwrap());
    }

    #[test]
    fn the_smallest_format_has_defaults() {
        let json = r#"{"columns":{"order-id":"A","product-id":"C","quantity":"D","unit-price":"E",
            "ordered-at":"F"}}"#;
        let format: FileFormat = serde_json::from_str(json).unwrap();
        assert_eq!(format, FileFormat::new(format.columns.clone()));
        assert_eq!(format.delimiter, Delimiter::Is(','));
    }
}
