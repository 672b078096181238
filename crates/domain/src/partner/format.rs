//! How a partner's CSV looks.

use super::Transform;
use super::encoding::Encoding;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// How a partner's CSV looks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileFormat {
    /// What separates the columns.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// Character encoding.
    #[serde(default)]
    pub encoding: Encoding,
    /// What may enclose a field.
    #[serde(default, skip_serializing_if = "Quote::is_double")]
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
    /// Its files come encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decrypt: Option<Decrypt>,
    /// Which column holds what.
    pub columns: Columns,
    /// Columns that are made of several, and rows that are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
}

impl FileFormat {
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
            decrypt: None,
            columns,
            transform: None,
        }
    }
}

/// Files that are encrypted with OpenPGP: what opens them, by the names of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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

/// What may enclose a field: one ASCII character, or `none` where quotes mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// No sign: a quote is a letter like any other.
    None,
    /// This one.
    Is(char),
}

impl Quote {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_double(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Quote {
    fn default() -> Self {
        Self::Is('"')
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Is(sign) => write!(f, "{sign}"),
        }
    }
}

impl Serialize for Quote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut chars = text.chars();
        match (text.as_str(), chars.next(), chars.next()) {
            ("none", ..) => Ok(Self::None),
            (_, Some(sign), None) => Ok(Self::Is(sign)),
            _ => Err(de::Error::custom(format!("{text:?} is neither one character nor none"))),
        }
    }
}

/// How a quote is written inside a field in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuoteEscape {
    /// Twice, as in RFC 4180.
    #[default]
    Doubled,
    /// Behind a backslash, as databases write it: `\"`, and `\\` is one backslash. Doubled quotes
    /// are read as well.
    Backslash,
}

impl QuoteEscape {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_doubled(&self) -> bool {
        *self == Self::Doubled
    }
}

/// What separates the columns: one ASCII character, or `auto`. `tab` is a name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// The one of `,` `;` tab `|`, or of the file's `sep=` line, with which the header has all
    /// columns.
    Auto,
    /// This one.
    Is(char),
}

impl Default for Delimiter {
    fn default() -> Self {
        Self::Is(',')
    }
}

impl From<char> for Delimiter {
    fn from(delimiter: char) -> Self {
        Self::Is(delimiter)
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Is('\t') => f.write_str("tab"),
            Self::Is(delimiter) => write!(f, "{delimiter}"),
        }
    }
}

impl Serialize for Delimiter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut chars = text.chars();
        match (text.as_str(), chars.next(), chars.next()) {
            ("auto", ..) => Ok(Self::Auto),
            ("tab", ..) => Ok(Self::Is('\t')),
            (_, Some(delimiter), None) => Ok(Self::Is(delimiter)),
            _ => Err(de::Error::custom(format!("{text:?} is not one character, tab or auto"))),
        }
    }
}

/// A column of ours, as the fields of [`Columns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// The partner's number of the order.
    OrderId,
    /// SKU.
    ProductId,
    /// What the product is called.
    Description,
    /// Country or sales region.
    Region,
    /// Product category.
    Category,
    /// Who buys.
    CustomerId,
    /// Whole number, not zero.
    Quantity,
    /// Price of one piece.
    UnitPrice,
    /// When it was ordered.
    OrderedAt,
    /// Currency of the price: an ISO 4217 code or a sign.
    Currency,
}

impl Column {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 10] = [
        Self::OrderId,
        Self::ProductId,
        Self::Description,
        Self::Region,
        Self::Category,
        Self::CustomerId,
        Self::Quantity,
        Self::UnitPrice,
        Self::OrderedAt,
        Self::Currency,
    ];

    /// Its key in the configuration.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::OrderId => "order-id",
            Self::ProductId => "product-id",
            Self::Description => "description",
            Self::Region => "region",
            Self::Category => "category",
            Self::CustomerId => "customer-id",
            Self::Quantity => "quantity",
            Self::UnitPrice => "unit-price",
            Self::OrderedAt => "ordered-at",
            Self::Currency => "currency",
        }
    }
}

/// Header names of the columns.
///
/// They are compared without case, accents, blanks and punctuation, and by all of these first. One
/// that the partner's [`Transform`] makes has no name here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Columns {
    /// The partner's number of the order.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub order_id: Names,
    /// SKU.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub product_id: Names,
    /// Whole number, not zero.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub quantity: Names,
    /// Price of one piece.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub unit_price: Names,
    /// When it was ordered.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub ordered_at: Names,
    /// Who buys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Names>,
    /// What the product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Names>,
    /// Country or sales region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Names>,
    /// Product category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Names>,
    /// Currency of the price. Rows of another one than the partner's are rejected. Without it, a column
    /// that is called `currency` is taken for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Names>,
}

impl Columns {
    /// What a column may be called, if the partner has it.
    #[must_use]
    pub fn names(&self, column: Column) -> Option<&Names> {
        match column {
            Column::OrderId => Some(&self.order_id),
            Column::ProductId => Some(&self.product_id),
            Column::Description => self.description.as_ref(),
            Column::Region => self.region.as_ref(),
            Column::Category => self.category.as_ref(),
            Column::CustomerId => self.customer_id.as_ref(),
            Column::Quantity => Some(&self.quantity),
            Column::UnitPrice => Some(&self.unit_price),
            Column::OrderedAt => Some(&self.ordered_at),
            Column::Currency => self.currency.as_ref(),
        }
    }
}

/// What a column may be called: one name, or a list of which the first that the file has counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct Names(Vec<String>);

#[derive(Clone, Deserialize, Serialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Names {
    /// In the order in which they are looked for.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        Self(names)
    }
}

impl From<OneOrMany> for Names {
    fn from(names: OneOrMany) -> Self {
        match names {
            OneOrMany::One(name) => Self(vec![name]),
            OneOrMany::Many(names) => Self(names),
        }
    }
}

impl From<Names> for OneOrMany {
    fn from(Names(mut names): Names) -> Self {
        match (names.pop(), names.is_empty()) {
            (Some(name), true) => Self::One(name),
            (last, _) => Self::Many(names.into_iter().chain(last).collect()),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" / "))
    }
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
            "product-id":"C","quantity":"D","unit-price":"E"},"transform":{"columns":
            {"ordered-at":"F || G"},"where":"H <> 'x'","look-ups":{"skus":{"a":"b"},"x":"x.csv"}}}"#;
        let format: FileFormat = serde_json::from_str(json).unwrap();
        assert_eq!(format.delimiter, Delimiter::Is('\t'));
        assert_eq!(format.columns.order_id.to_string(), "A / B");
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

    #[test]
    fn a_delimiter_is_one_character_or_a_known_word() {
        let read = |text: &str| serde_json::from_value::<Delimiter>(text.into());
        for (text, expected) in [
            ("auto", Delimiter::Auto),
            ("tab", '\t'.into()),
            ("\t", '\t'.into()),
            (";", ';'.into()),
        ] {
            assert_eq!(read(text).unwrap(), expected);
        }
        for text in ["", "ab", "Auto", "comma"] {
            assert!(read(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_quote_is_one_character_or_none() {
        let read = |text: &str| serde_json::from_value::<Quote>(text.into());
        for (text, expected) in
            [("none", Quote::None), ("'", Quote::Is('\'')), ("\"", Quote::Is('"'))]
        {
            assert_eq!(read(text).unwrap(), expected);
            assert_eq!(expected.to_string(), text);
        }
        for text in ["", "\"\"", "off"] {
            assert!(read(text).is_err(), "{text:?} was taken");
        }
    }
}
