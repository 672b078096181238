//! Rejected rows, and the rules.

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
    /// The record as in the file, cut at [`Limits::raw_bytes_max`](crate::Limits), converted to UTF-8.
    /// For a line that is good by itself but rejected because of its order, it is a record of the
    /// cleaned fields.
    pub raw: Vec<u8>,
    /// The order of the row, if it could be read.
    pub order_id: Option<String>,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident => $code:literal, $advice:literal;)*) => {
        /// Why a row is rejected. The variants are in the order in which they are checked: the first
        /// rule that fails is reported.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $($(#[doc = $doc])* #[serde(rename = $code)] $name,)*
        }

        impl Rule {
            /// All rules, in the order in which they are checked.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code used in receipts, rejects and metrics.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What is wrong with the row, in one or two sentences.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim(),)*
                }
            }

            /// What the partner or the operator can do, in Markdown; mentions settings of
            /// `partners.yml`.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self {
                    $(Self::$name => $advice,)*
                }
            }
        }
    };
}

rules! {
    /// The record is longer than the limit.
    RecordTooLong => "record_too_long",
        "Look for a quote that is never closed above that line; else ask for shorter texts.";
    /// A quote inside a field that does not begin with one.
    StrayQuote => "stray_quote",
        "Ask the partner to quote fields with quotes in them and to double those quotes; or `quote: none` if the export never quotes.";
    /// Text between a closing quote and the next delimiter.
    TextAfterQuote => "text_after_quote",
        "As `stray_quote`; `quote-escape: backslash` if the file has `\\\"`.";
    /// A quote that is not closed before the file, or the longest record, ends.
    UnclosedQuote => "unclosed_quote",
        "Close the quote in the file, or `quote: none` if quotes are inch signs there; `line-ends-in-fields: false` keeps the harm to one line.";
    /// A field in quotes contains line ends and a line that looks like a row: the quote was meant as a
    /// letter.
    RowInQuotes => "row_in_quotes",
        "A quote that opens a field was meant as a letter: `quote: none`, or `line-ends-in-fields: false`.";
    /// A carriage return inside a field without quotes.
    StrayCarriageReturn => "stray_carriage_return",
        "Ask the partner to quote texts with line ends in them.";
    /// Fewer fields than the header.
    TooFewFields => "too_few_fields",
        "Often a line end inside a text, or a row that was cut: correct the line. If the program leaves empty cells out: `short-rows: fill`. If that is how the export ends: `footer-lines`.";
    /// More fields than the header, and not only empty ones.
    TooManyFields => "too_many_fields",
        "A delimiter inside a text that is not quoted: correct the line, or choose another `delimiter` in the export.";
    /// A byte that is zero.
    NulByte => "nul_byte",
        "The file is damaged, or UTF-16 read as something else: look at `encoding`.";
    /// Bytes that are not UTF-8.
    InvalidUtf8 => "invalid_utf8",
        "Look at `encoding`: the bytes are no text in it. `auto` says in its refusal which ones may be meant.";
    /// The partner's transform filters the row out. Does not affect its order.
    Filtered => "filtered",
        "Nothing: `where` of the `transform` leaves it out, as configured.";
    /// The partner's transform cannot be evaluated.
    TransformFailed => "transform_failed",
        "The reason names the expression and the value: correct the line, or let the expression handle it (`CASE`, `NULLIF`).";
    /// No order id.
    MissingOrderId => "missing_order_id",
        "Fill it in. If only the first row of an order has it: `continued-rows: true`.";
    /// The order id is too long, has control characters, is a placeholder, or was shortened by a
    /// spreadsheet.
    BadOrderId => "bad_order_id",
        "Ids have at most 128 bytes; a spreadsheet's `4.51E+12` has lost digits: export the column as text.";
    /// No product id.
    MissingProductId => "missing_product_id",
        "Fill it in, or map the right column as `product-id`.";
    /// The product id is too long, has control characters, is a placeholder, or was shortened by a
    /// spreadsheet.
    BadProductId => "bad_product_id",
        "As `bad_order_id`.";
    /// Not in the catalogue.
    UnknownProductId => "unknown_product_id",
        "Add it to the catalogue or to `product-ids`, then send the file again.";
    /// No customer, where one is required.
    MissingCustomer => "missing_customer",
        "Fill it in, or `customer-required: false`.";
    /// The customer id is too long, has control characters, or was shortened by a spreadsheet.
    BadCustomerId => "bad_customer_id",
        "As `bad_order_id`.";
    /// Not a whole number within the limit.
    BadQuantity => "bad_quantity",
        "A whole number up to 1,000,000,000; look at `decimal-mark` and `thousands-mark`.";
    /// Quantity zero.
    ZeroQuantity => "zero_quantity",
        "Leave the row out of the export, or by `where` in a `transform`.";
    /// Not an amount.
    BadPrice => "bad_price",
        "Look at `decimal-mark`, `thousands-mark` and `currency-signs`; a price has at most four places.";
    /// Zero or below, where prices must be above zero.
    NonPositivePrice => "non_positive_price",
        "Correct it, or `price-positive: false` where goods may be free.";
    /// Below zero.
    NegativePrice => "negative_price",
        "Returns have a quantity below zero, not a price. If the row is a discount: name its product code in `charges`.";
    /// The price is in another currency than the partner's.
    OtherCurrency => "other_currency",
        "A partner has one currency: split the file into one partner for each, or correct `currency` or `currency-signs`.";
    /// The discount of a line is more than the total of the line.
    BadDiscount => "bad_discount",
        "Correct it. `line-discount` is an amount for all pieces of the line; percents are for a `transform`.";
    /// The number of the sale that is returned is too long, has control characters, or was shortened by a
    /// spreadsheet.
    BadReturns => "bad_returns",
        "As `bad_order_id`.";
    /// Not an e-mail address.
    BadEmail => "bad_email",
        "Correct it, or empty the field. The reason never repeats what a column says of a person.";
    /// Not a telephone number with its country.
    BadPhone => "bad_phone",
        "A number has `+`, its country and 7 to 15 digits in all (E.164): `+33612345678`. Where files leave the country out, add it in a `transform`.";
    /// Not a VAT number.
    BadVatNumber => "bad_vat_number",
        "It has the two letters of its country and 2 to 13 letters or digits: `FR40303265045`.";
    /// Not a language.
    BadLanguage => "bad_language",
        "`fr`, or with a country `fr-CA`.";
    /// Not a country's code.
    BadCountry => "bad_country",
        "Two letters of ISO 3166, such as `FR`. Where files have names of countries: a `transform` with a `LOOKUP`.";
    /// A name, company, city, region or line of a street has control characters or more than 300 characters, a
    /// postal code more than 20, or a street more than 4 lines.
    BadPersonText => "bad_person_text",
        "Shorten the text to that, or look at `encoding`.";
    /// Not a date in one of the partner's formats.
    BadDate => "bad_date",
        "Add the format to `dates`; the reason says which were tried.";
    /// Description, region or category is longer than 512 bytes, or a tax category than 64.
    TooLong => "too_long",
        "Shorten the text to that.";
    /// No value in a column that the partner's rules require.
    MissingValue => "missing_value",
        "Fill it in, or take the column out of `required`.";
    /// The value is not in the partner's list for the column.
    ValueNotAllowed => "value_not_allowed",
        "Correct it, or add it to `values`.";
    /// All cleaned columns equal those of an earlier accepted row. Does not affect its order.
    Duplicate => "duplicate",
        "Nothing, if it is one. Where equal rows are meant: `duplicates: off`.";
    /// The same values as an earlier accepted row in columns that must be unique.
    NotUnique => "not_unique",
        "Correct it, or take the list out of `unique`.";
    /// Another line of its order was rejected, and the partner wants all or nothing.
    OrderBadLine => "order_has_bad_line",
        "Correct the order's other line, which has a reject of its own; or `on-bad-line: drop-line`.";
    /// The lines of its order name different customers.
    OrderCustomers => "order_customers_differ",
        "One order has one customer: two orders share an id. Correct the id or the customer.";
    /// The lines of its order have quantities above and below zero.
    OrderSigns => "order_mixes_signs",
        "A sale and a return are two orders: give the return an id of its own.";
    /// The id of its order says sale or return, but the quantity says the opposite.
    OrderWrongSign => "order_sign_contradicts_id",
        "Look at `return-prefix`, or correct the quantity.";
    /// Its order has charges but no line.
    OrderWithoutLines => "order_without_lines",
        "An order has a product at least: look at `charges`, or whether its other rows were rejected.";
    /// The rows of its order have different shipping, discount, tax or returned sale for the whole order.
    OrderValues => "order_values_differ",
        "Columns of the whole order stand in one of its rows or are the same in all: correct them, or map a column of single rows as `line-discount`.";
    /// The rows of its order say different things of the person who buys.
    OrderPersons => "order_persons_differ",
        "Columns of a person stand in one row of the order or are the same in all. If each row has its own, such as a delivery address of each line, leave that column out.";
    /// An address of its order has no street, city or country.
    OrderAddress => "order_address_incomplete",
        "Fill in what is missing, in one row of the order or in all. If files never have it, make it in a `transform`, only where there is a street: `billing.country: CASE WHEN street <> '' THEN 'FR' END`.";
    /// Its order names a sale that it returns, but is a sale itself, or is that very sale.
    OrderReturns => "order_returns_wrong",
        "Only orders with quantities below zero return a sale, which has another number. Correct the column `returns`.";
    /// The discount of its order increases the total, or its charges reduce it by more than the sum of
    /// its lines.
    OrderCharges => "order_charges_wrong",
        "A row of a discount has a price below zero in a sale, and above zero in a return. Correct the amounts.";
    /// Its order has more lines or bytes than allowed.
    OrderTooLarge => "order_too_large",
        "Split it: an order has at most 1,000 lines, 100 charges and 256 KiB.";
}

impl Rule {
    /// Does it say that a required column is empty?
    pub(crate) fn is_missing(self) -> bool {
        matches!(self, Self::MissingOrderId | Self::MissingProductId | Self::MissingCustomer)
    }

    /// Is a row with this rule not a bad row? Such a row does not affect its order, and does not count
    /// against the error budget.
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
