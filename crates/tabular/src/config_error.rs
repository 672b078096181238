//! Why a partner's format cannot be used.

/// Why a partner's format cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The scanner works on single bytes.
    #[error(
        "delimiter {0:?} is not allowed; it must be an ASCII character other than a quote, a line end or NUL"
    )]
    Delimiter(char),
    /// With such a quote, fields would end anywhere.
    #[error(
        "quote {0:?} is not allowed; it must be none or an ASCII sign other than a backslash, . and -, and not \
         the delimiter"
    )]
    Quote(char),
    /// Without quotes there is nothing to escape.
    #[error("quote-escape is backslash, but quote is none")]
    QuoteEscape,
    /// Only these two are supported.
    #[error("decimal-mark {0:?} is not allowed; it must be '.' or ','")]
    DecimalMark(char),
    /// The mark could not be distinguished from the decimal mark, or is not a mark at all.
    #[error(
        "thousands-mark {0:?} is not allowed; it must be '.', ',', ' ' or '\\'', and not the decimal-mark"
    )]
    ThousandsMark(char),
    /// The sign could be part of a number.
    #[error("currency-signs has {0:?}; allowed are letters and signs, without digits and blanks")]
    CurrencySign(String),
    /// More lines than are ever needed.
    #[error("preamble-lines is {0}, the limit is 1000")]
    PreambleLines(u32),
    /// The end of the file must be held back until it is known to be the end.
    #[error("footer-lines is {0}, the limit is 20")]
    FooterLines(u32),
    /// An empty text is contained in every line.
    #[error("footer-marker is empty")]
    FooterMarker,
    /// Every row without an order id begins with an empty text.
    #[error("trailer.marker is empty")]
    TrailerMarker,
    /// Both define where the rows end.
    #[error("trailer and {0} exclude each other")]
    TrailerAndFooter(&'static str),
    /// Without a format, no date could be read.
    #[error("dates has no format")]
    NoDateFormat,
    /// Not a `strftime` format, or one that does not make a date.
    #[error("dates has {format:?}, which {problem}")]
    DateFormat {
        /// The format.
        format: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Not in the IANA database.
    #[error("time-zone {0:?} is not an IANA time zone such as Europe/London")]
    TimeZone(String),
    /// A column without a name.
    #[error("columns.{0} is empty")]
    EmptyColumn(&'static str),
    /// Two columns with the same header name.
    #[error("columns.{first} and columns.{second} are both {name:?}")]
    SameColumn {
        /// The first column.
        first: &'static str,
        /// The second column.
        second: &'static str,
        /// Their header name.
        name: String,
    },
    /// A customer is required on each line, but there is no column for it.
    #[error("rules.customer-required is true, but columns.customer-id is not set")]
    NoCustomerColumn,
    /// A rule about a column that the partner does not have.
    #[error("rules.{rule} names {column}, but columns.{column} is not set")]
    NoColumn {
        /// Key of the rule.
        rule: &'static str,
        /// Key of the column.
        column: &'static str,
    },
    /// Ids and texts can be compared with a list; numbers and dates cannot.
    #[error(
        "rules.values.{0} is not allowed; lists are for product-id, description, region and category"
    )]
    Values(&'static str),
    /// A set is empty, or there are too many sets.
    #[error(
        "rules.unique has {sets} sets of columns, one of them with {least}; allowed are 4, with at least 1"
    )]
    Unique {
        /// Number of sets.
        sets: usize,
        /// Columns of the smallest set.
        least: usize,
    },
    /// A column that is both in the file and computed.
    #[error("transform.columns.{0} makes what columns.{0} names; one of the two has to go")]
    MadeTwice(&'static str),
    /// Rows that continue an order are recognised by the content of the file.
    #[error("transform.columns.order-id cannot be used with continued-rows")]
    MadeOrderId,
    /// Not an expression, or one that cannot be evaluated for a single row.
    #[error("transform.{key} {reason}; the expression is {expression:?}")]
    Transform {
        /// The setting: `where`, or `columns.quantity`.
        key: String,
        /// The configured expression.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The program was built without transforms.
    #[error("transform needs the feature polars, which this program is built without")]
    NoTransforms,
    /// The limit leaves no room for a record.
    #[error("record_bytes_max is {0}, the least is 16")]
    RecordLimit(usize),
    /// Blocks would be empty.
    #[error("block_bytes is 0, the least is 1")]
    BlockLimit,
}
