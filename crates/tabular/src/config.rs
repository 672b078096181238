//! A partner's format and rules, checked once and made ready for use.

use crate::dates::Dates;
use domain::partner::{Duplicates, Encoding, FileFormat, Rules};

/// Limits of what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one record with its line end; a longer one is rejected.
    pub record_bytes_max: usize,
    /// Most bytes of a rejected record that are kept.
    pub raw_bytes_max: usize,
    /// Most rows of a file; one more refuses the file. Duplicate removal holds 15 to 30 bytes for
    /// each accepted row.
    pub rows_max: u64,
    /// Bytes that are worked on at once, at least 1. About twice as many are held for each worker.
    pub block_bytes: usize,
    /// Threads that read blocks ahead of the one that pushes; below 2 it does all by itself.
    pub workers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes_max: 64 << 10,
            raw_bytes_max: 4 << 10,
            rows_max: 25_000_000,
            block_bytes: 1 << 20,
            workers: 1,
        }
    }
}

/// Why a partner's format cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The scanner works on bytes.
    #[error(
        "delimiter {0:?} is not allowed; it must be an ASCII character other than a quote, a line end or NUL"
    )]
    Delimiter(char),
    /// Only these two are in use.
    #[error("decimal-mark {0:?} is not allowed; it must be '.' or ','")]
    DecimalMark(char),
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
    /// A limit that leaves no room for a record.
    #[error("record_bytes_max is {0}, the least is 16")]
    RecordLimit(usize),
    /// Blocks of nothing.
    #[error("block_bytes is 0, the least is 1")]
    BlockLimit,
}

/// What a column of the file means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    OrderId,
    ProductId,
    Description,
    Region,
    Category,
    CustomerId,
    Quantity,
    UnitPrice,
    OrderedAt,
}

impl Role {
    /// Its key in the configuration.
    pub(crate) fn key(self) -> &'static str {
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
        }
    }
}

/// A partner's format and rules, ready for use.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) delimiter: u8,
    pub(crate) windows_1252: bool,
    pub(crate) decimal_mark: u8,
    pub(crate) dates: Dates,
    /// The columns in use, with their header names as configured.
    pub(crate) columns: Vec<(Role, String)>,
    pub(crate) customer_required: bool,
    pub(crate) price_positive: bool,
    pub(crate) reject_duplicates: bool,
    pub(crate) limits: Limits,
}

impl Config {
    pub(crate) fn new(
        format: &FileFormat,
        rules: &Rules,
        time_zone: &str,
        limits: Limits,
    ) -> Result<Self, ConfigError> {
        let delimiter = u8::try_from(format.delimiter)
            .ok()
            .filter(|byte| byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0))
            .ok_or(ConfigError::Delimiter(format.delimiter))?;
        let decimal_mark = match format.decimal_mark {
            '.' => b'.',
            ',' => b',',
            other => return Err(ConfigError::DecimalMark(other)),
        };
        if limits.record_bytes_max < 16 {
            return Err(ConfigError::RecordLimit(limits.record_bytes_max));
        }
        if limits.block_bytes == 0 {
            return Err(ConfigError::BlockLimit);
        }
        if rules.customer_required && format.columns.customer_id.is_none() {
            return Err(ConfigError::NoCustomerColumn);
        }
        Ok(Self {
            delimiter,
            windows_1252: format.encoding == Encoding::Windows1252,
            decimal_mark,
            dates: Dates::new(&format.dates, time_zone)?,
            columns: columns(format)?,
            customer_required: rules.customer_required,
            price_positive: rules.price_positive,
            reject_duplicates: rules.duplicates == Duplicates::Reject,
            limits,
        })
    }
}

/// How header names are compared.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn columns(format: &FileFormat) -> Result<Vec<(Role, String)>, ConfigError> {
    let columns = &format.columns;
    let named = [
        (Role::OrderId, Some(&columns.order_id)),
        (Role::ProductId, Some(&columns.product_id)),
        (Role::Description, columns.description.as_ref()),
        (Role::Region, columns.region.as_ref()),
        (Role::Category, columns.category.as_ref()),
        (Role::CustomerId, columns.customer_id.as_ref()),
        (Role::Quantity, Some(&columns.quantity)),
        (Role::UnitPrice, Some(&columns.unit_price)),
        (Role::OrderedAt, Some(&columns.ordered_at)),
    ];
    let mut used: Vec<(Role, String)> = Vec::with_capacity(named.len());
    for (role, name) in named {
        let Some(name) = name else { continue };
        if name.trim().is_empty() {
            return Err(ConfigError::EmptyColumn(role.key()));
        }
        if let Some((first, _)) = used.iter().find(|(_, other)| folded(other) == folded(name)) {
            return Err(ConfigError::SameColumn {
                first: first.key(),
                second: role.key(),
                name: name.clone(),
            });
        }
        used.push((role, name.trim().to_owned()));
    }
    Ok(used)
}
