//! Why a partner's format cannot be used.

/// Why a partner's format cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The scanner works on bytes.
    #[error(
        "delimiter {0:?} is not allowed; it must be an ASCII character other than a quote, a line end or NUL"
    )]
    Delimiter(char),
    /// Fields would end anywhere.
    #[error(
        "quote {0:?} is not allowed; it must be none or an ASCII sign other than a backslash, . and -, and not \
         the delimiter"
    )]
    Quote(char),
    /// There is nothing to escape.
    #[error("quote-escape is backslash, but quote is none")]
    QuoteEscape,
    /// Only these two are in use.
    #[error("decimal-mark {0:?} is not allowed; it must be '.' or ','")]
    DecimalMark(char),
    /// What it could group is not to be told from decimals, or is no mark at all.
    #[error(
        "thousands-mark {0:?} is not allowed; it must be '.', ',', ' ' or '\\'', and not the decimal-mark"
    )]
    ThousandsMark(char),
    /// It could be part of a number.
    #[error("currency-signs has {0:?}; allowed are letters and signs, without digits and blanks")]
    CurrencySign(String),
    /// More than anybody needs.
    #[error("preamble-lines is {0}, the limit is 1000")]
    PreambleLines(u32),
    /// The end of the file is held back until it is known to be the end.
    #[error("footer-lines is {0}, the limit is 20")]
    FooterLines(u32),
    /// Every line contains it.
    #[error("footer-marker is empty")]
    FooterMarker,
    /// Every row without an order may begin with it.
    #[error("trailer.marker is empty")]
    TrailerMarker,
    /// Both say where the rows end.
    #[error("trailer and {0} exclude each other")]
    TrailerAndFooter(&'static str),
    /// No format, so no date could be read.
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
    /// Not in the IANA data base.
    #[error("time-zone {0:?} is not an IANA time zone such as Europe/London")]
    TimeZone(String),
    /// A column without a name.
    #[error("columns.{0} is empty")]
    EmptyColumn(&'static str),
    /// Two columns with one header name.
    #[error("columns.{first} and columns.{second} are both {name:?}")]
    SameColumn {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Their header name.
        name: String,
    },
    /// A customer on each line, but no column for it.
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
    /// Ids and texts are compared with a list, numbers and dates are not.
    #[error(
        "rules.values.{0} is not allowed; lists are for product-id, description, region and category"
    )]
    Values(&'static str),
    /// Nothing in it, or more than can be remembered.
    #[error(
        "rules.unique has {sets} sets of columns, one of them with {least}; allowed are 4, with at least 1"
    )]
    Unique {
        /// How many.
        sets: usize,
        /// Columns of the smallest.
        least: usize,
    },
    /// A column that the file has, and that is made as well.
    #[error("transform.columns.{0} makes what columns.{0} names; one of the two has to go")]
    MadeTwice(&'static str),
    /// Rows that continue an order are told by what stands in the file.
    #[error("transform.columns.order-id cannot be used with continued-rows")]
    MadeOrderId,
    /// An expression that is none, or that could not work on one row by itself.
    #[error("transform.{key} {reason}; the expression is {expression:?}")]
    Transform {
        /// Where it stands: `where`, or `columns.quantity`.
        key: String,
        /// As it is configured.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Left out of this program.
    #[error("transform needs the feature polars, which this program is built without")]
    NoTransforms,
    /// A limit that leaves no room for a record.
    #[error("record_bytes_max is {0}, the least is 16")]
    RecordLimit(usize),
    /// Blocks of nothing.
    #[error("block_bytes is 0, the least is 1")]
    BlockLimit,
}
