//! The header line: which column of the file holds what.

use crate::config::{Config, Role, folded};
use std::sync::Arc;

/// Most header names that an error repeats, and most characters of each.
const FOUND_MAX: usize = 32;
const FOUND_CHARS_MAX: usize = 64;

/// Why a file is unreadable as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing but blank lines.
    #[error("the file is empty")]
    Empty,
    /// The first line with text is not a record.
    #[error("line {line}: the header is unreadable: {reason}")]
    HeaderUnreadable {
        /// Physical line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Another encoding, or not a text file at all.
    #[error(
        "line {line}: the header is not UTF-8; is the encoding configured, and is it a CSV file?"
    )]
    HeaderNotUtf8 {
        /// Physical line.
        line: u64,
    },
    /// A column of the partner's configuration is not there.
    #[error("the header has no column {missing:?}; found: {found:?}")]
    HeaderMissing {
        /// The configured names that are not there.
        missing: Vec<String>,
        /// The names that are there, at most 32.
        found: Vec<String>,
    },
    /// It would be a guess which of the two is meant.
    #[error("the header has column {column:?} more than once")]
    HeaderDuplicate {
        /// The name.
        column: String,
    },
    /// More rows than the limit.
    #[error("the file has more than {max} rows")]
    TooManyRows {
        /// Rows allowed.
        max: u64,
    },
}

/// A column in use: where it stands, and how the file calls it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) at: usize,
    pub(crate) name: Arc<str>,
}

/// Where the columns stand in this file.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Fields of each record.
    pub(crate) width: usize,
    /// All header names, for the column of a structural defect.
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) order_id: Column,
    pub(crate) product_id: Column,
    pub(crate) quantity: Column,
    pub(crate) unit_price: Column,
    pub(crate) ordered_at: Column,
    pub(crate) customer_id: Option<Column>,
    pub(crate) description: Option<Column>,
    pub(crate) region: Option<Column>,
    pub(crate) category: Option<Column>,
}

impl Layout {
    /// Matches header `names` (any case, blanks around them) with the configured columns.
    pub(crate) fn new(config: &Config, names: &[String]) -> Result<Self, FileError> {
        let keys: Vec<String> = names.iter().map(|name| folded(name)).collect();
        let missing: Vec<String> = config
            .columns
            .iter()
            .filter(|(_, name)| !keys.contains(&folded(name)))
            .map(|(_, name)| name.clone())
            .collect();
        if !missing.is_empty() {
            return Err(FileError::HeaderMissing { missing, found: found(names) });
        }
        for (_, name) in &config.columns {
            if keys.iter().filter(|key| **key == folded(name)).count() > 1 {
                return Err(FileError::HeaderDuplicate { column: name.clone() });
            }
        }
        let names: Vec<Arc<str>> = names.iter().map(|name| name.trim().into()).collect();
        let column = |role: Role| {
            let (_, name) = config.columns.iter().find(|(other, _)| *other == role)?;
            let at = keys.iter().position(|key| *key == folded(name))?;
            Some(Column { at, name: names.get(at)?.clone() })
        };
        let required = |role| column(role).expect("missing columns were refused above");
        Ok(Self {
            width: names.len(),
            order_id: required(Role::OrderId),
            product_id: required(Role::ProductId),
            quantity: required(Role::Quantity),
            unit_price: required(Role::UnitPrice),
            ordered_at: required(Role::OrderedAt),
            customer_id: column(Role::CustomerId),
            description: column(Role::Description),
            region: column(Role::Region),
            category: column(Role::Category),
            names,
        })
    }
}

fn found(names: &[String]) -> Vec<String> {
    let cut = |name: &String| name.trim().chars().take(FOUND_CHARS_MAX).collect();
    names.iter().take(FOUND_MAX).map(cut).collect()
}
