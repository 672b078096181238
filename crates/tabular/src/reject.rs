//! Rejected rows, and the rules that reject them.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A row that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Physical line on which the record begins; the file's first line is 1.
    pub line: u64,
    /// Header name of the column that broke the rule, as the file writes it.
    pub column: Option<Arc<str>>,
    /// The rule.
    pub rule: Rule,
    /// For people: the value, and what is wrong with it.
    pub reason: Cow<'static, str>,
    /// The record as it stands in the file, cut at [`Limits::raw_bytes_max`](crate::Limits). From
    /// a Windows-1252 file it is in UTF-8. Of a line that is good by itself, and rejected because of its order,
    /// it is a record of the cleaned fields.
    pub raw: Vec<u8>,
    /// The order the row belongs to, when that could be read.
    pub order_id: Option<String>,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident => $code:literal,)*) => {
        /// Why a row is rejected. The variants stand in the order in which they are tested: the
        /// first that fails is the one named.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $($(#[$doc])* #[serde(rename = $code)] $name,)*
        }

        impl Rule {
            /// All rules, in the order in which they are tested.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name that receipts, rejects and metrics carry.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

rules! {
    /// The record is longer than the limit.
    RecordTooLong => "record_too_long",
    /// A quote inside a field that does not begin with one.
    StrayQuote => "stray_quote",
    /// Text between a closing quote and the next delimiter.
    TextAfterQuote => "text_after_quote",
    /// A quote that is not closed before the file, or the longest record, ends.
    UnclosedQuote => "unclosed_quote",
    /// A field in quotes that holds line ends, and a row of the file in them: a quote that was meant as
    /// a letter.
    RowInQuotes => "row_in_quotes",
    /// A carriage return inside a field without quotes.
    StrayCarriageReturn => "stray_carriage_return",
    /// Fewer fields than the header.
    TooFewFields => "too_few_fields",
    /// More fields than the header.
    TooManyFields => "too_many_fields",
    /// A byte that is zero.
    NulByte => "nul_byte",
    /// Bytes that are not UTF-8.
    InvalidUtf8 => "invalid_utf8",
    /// The partner's transform leaves the row out. Harms no order.
    Filtered => "filtered",
    /// The partner's transform cannot be calculated.
    TransformFailed => "transform_failed",
    /// No order id.
    MissingOrderId => "missing_order_id",
    /// The order id is too long, has control characters, stands for nothing, or was shortened.
    BadOrderId => "bad_order_id",
    /// No product id.
    MissingProductId => "missing_product_id",
    /// The product id is too long, has control characters, stands for nothing, or was shortened.
    BadProductId => "bad_product_id",
    /// Not in the catalogue.
    UnknownProductId => "unknown_product_id",
    /// No customer, where one is required.
    MissingCustomer => "missing_customer",
    /// The customer id is too long, has control characters, or was shortened.
    BadCustomerId => "bad_customer_id",
    /// Not a whole number within the limit.
    BadQuantity => "bad_quantity",
    /// Quantity zero.
    ZeroQuantity => "zero_quantity",
    /// Not an amount.
    BadPrice => "bad_price",
    /// Zero or below, where prices must be above zero.
    NonPositivePrice => "non_positive_price",
    /// Below zero.
    NegativePrice => "negative_price",
    /// The price is in another currency than the partner's.
    OtherCurrency => "other_currency",
    /// Not a date in one of the partner's formats.
    BadDate => "bad_date",
    /// Description, region or category is longer than 512 bytes.
    TooLong => "too_long",
    /// Nothing in a column in which the partner's rules want something.
    MissingValue => "missing_value",
    /// What the partner's list for the column does not have.
    ValueNotAllowed => "value_not_allowed",
    /// Every cleaned column equals an earlier accepted row's. Harms no order.
    Duplicate => "duplicate",
    /// In columns that are to be unique, the same values as an earlier accepted row.
    NotUnique => "not_unique",
    /// Another line of its order was rejected, and the partner wants all or nothing.
    OrderBadLine => "order_has_bad_line",
    /// The lines of its order name different customers.
    OrderCustomers => "order_customers_differ",
    /// The lines of its order have quantities above and below zero.
    OrderSigns => "order_mixes_signs",
    /// The id of its order says sale or return, the quantity says the other.
    OrderWrongSign => "order_sign_contradicts_id",
    /// Its order has more lines or bytes than an order may have.
    OrderTooLarge => "order_too_large",
}

impl Rule {
    /// Does it say that nothing stands in a column that is needed?
    pub(crate) fn is_missing(self) -> bool {
        matches!(self, Self::MissingOrderId | Self::MissingProductId | Self::MissingCustomer)
    }

    /// Is a row that it rejects no bad row? Such a row harms no order, and no budget counts it.
    #[must_use]
    pub fn is_harmless(self) -> bool {
        matches!(self, Self::Duplicate | Self::Filtered)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
