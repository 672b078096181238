//! The header line: which column of the file holds what.

use crate::config::Config;
use crate::currency;
use crate::derive::Derivation;
use crate::encoding::Candidate;
use domain::partner::{Column as Role, Names};
use std::collections::BTreeMap;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Most header names that an error repeats, and most characters of each.
const FOUND_MAX: usize = 32;
const FOUND_CHARS_MAX: usize = 64;

fn listed(candidates: &[Candidate]) -> String {
    let listed: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    listed.join(", ")
}

/// Why a file is unreadable as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing but blank lines.
    #[error("the file is empty")]
    Empty,
    /// The byte order mark says something else than the configuration.
    #[error("the file begins with the byte order mark of {found}; configured is {configured}")]
    OtherEncoding {
        /// The configured encoding.
        configured: &'static str,
        /// That of the file.
        found: &'static str,
    },
    /// With `auto`: its text looks like one in no encoding that can be told.
    #[error(
        "the encoding cannot be told; configure the one with which words of the file are right: {}",
        listed(candidates)
    )]
    EncodingUnclear {
        /// What it may be.
        candidates: Vec<Candidate>,
    },
    /// The first line with text is not a record, and no line behind it is the header.
    #[error("line {line}: the header is unreadable: {reason}")]
    HeaderUnreadable {
        /// Physical line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Another encoding, or not a text file at all.
    #[error(
        "line {line}: the header is not {encoding}; is the encoding configured, and is it a CSV file?"
    )]
    HeaderNotText {
        /// Physical line.
        line: u64,
        /// The encoding that the file was taken to have.
        encoding: &'static str,
    },
    /// A column of the partner's configuration is not there.
    #[error("the header has no column {missing:?}; found: {found:?}")]
    HeaderMissing {
        /// The configured names that are not there.
        missing: Vec<String>,
        /// The names that are there, at most 32.
        found: Vec<String>,
    },
    /// It would be a guess which of them is meant.
    #[error("the header has column {column:?} more than once: {found:?}")]
    HeaderDuplicate {
        /// The configured name.
        column: String,
        /// The names that are it.
        found: Vec<String>,
    },
    /// The header has all columns with more than one delimiter.
    #[error("line {line}: the delimiter may be any of {choices:?}; configure one of them")]
    DelimiterUnclear {
        /// Physical line.
        line: u64,
        /// The delimiters.
        choices: Vec<char>,
    },
    /// Two files in one.
    #[error(
        "line {line} has names of columns again, in another order or not all of them: two files were put \
         together, and have to be sent one by one"
    )]
    HeaderAgain {
        /// Physical line.
        line: u64,
    },
    /// A row that would be passed over as a preamble.
    #[error("line {line} is before the header, and looks like a row")]
    RowBeforeHeader {
        /// Physical line.
        line: u64,
    },
    /// A row that would be passed over as a footer.
    #[error("line {line} looks like a row, but stands in the footer that begins in line {footer}")]
    RowInFooter {
        /// Physical line.
        line: u64,
        /// Physical line of the marker.
        footer: u64,
    },
    /// What was taken for the footer goes on.
    #[error("line {line} has the footer's marker, but more than {max} lines follow")]
    FooterTooLong {
        /// Physical line of the marker.
        line: u64,
        /// Lines allowed.
        max: usize,
    },
    /// The trailer says that the file ends with it.
    #[error("line {line} is the trailer, but other lines follow")]
    BehindTrailer {
        /// Physical line of the trailer.
        line: u64,
    },
    /// More rows than the limit.
    #[error("the file has more than {max} rows")]
    TooManyRows {
        /// Rows allowed.
        max: u64,
    },
    /// Rows that are compared with each other need more memory than the limit, and there is no
    /// scratch space.
    #[error("its rows cannot be compared with each other within {bytes_max} bytes of memory")]
    TooManyToCompare {
        /// Bytes allowed.
        bytes_max: usize,
    },
    /// Scratch space failed, which is not the file's fault.
    #[error("scratch space: {reason}")]
    Scratch {
        /// What the disk says.
        reason: String,
    },
}

impl FileError {
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn scratch(error: std::io::Error) -> Self {
        Self::Scratch { reason: error.to_string() }
    }
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
    /// Fields of each record. Columns that are made stand behind them.
    pub(crate) width: usize,
    /// Columns that others are made of.
    pub(crate) inputs: Vec<Column>,
    /// How the columns that are made are called.
    pub(crate) made: Vec<Arc<str>>,
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
    pub(crate) currency: Option<Column>,
}

/// A line in the middle of a file that has names of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderAgain {
    /// All where they are: the line is no row, and rows go on behind it.
    Same,
    /// Somewhere else, or not all of them: what is behind it cannot be read by this header.
    Other,
}

/// So many names of columns in one line are no accident.
const NAMES_MIN: usize = 3;

impl Layout {
    /// Matches header `names` with the configured columns.
    pub(crate) fn new(config: &Config, names: &[String]) -> Result<Self, FileError> {
        let header = Header::new(names);
        let mut columns = Vec::with_capacity(config.columns.len());
        let (mut missing, mut twice) = (Vec::new(), None);
        for (role, names) in &config.columns {
            match header.find(names) {
                Ok(Some(at)) => columns.push((*role, at)),
                Ok(None) => missing.push(names.to_string()),
                Err(error) => twice = twice.or(Some(error)),
            }
        }
        let mut inputs = Vec::new();
        for name in config.derivation.iter().flat_map(Derivation::inputs) {
            match header.find(&name.as_str().into()) {
                Ok(Some(at)) => inputs.push(at),
                Ok(None) if missing.contains(name) => {}
                Ok(None) => missing.push(name.clone()),
                Err(error) => twice = twice.or(Some(error)),
            }
        }
        if !missing.is_empty() {
            return Err(FileError::HeaderMissing { missing, found: found(names.iter()) });
        }
        if let Some(error) = twice {
            return Err(error);
        }
        let mut taken = BTreeMap::new();
        for (role, at) in &columns {
            if let Some(other) = taken.insert(*at, *role) {
                let column = names.get(*at).map(|name| name.trim()).unwrap_or_default();
                let found = [other, *role].map(|role| format!("{}: {column}", role.key()));
                return Err(FileError::HeaderDuplicate {
                    column: column.to_owned(),
                    found: found.into(),
                });
            }
        }
        let names: Vec<Arc<str>> = names.iter().map(|name| name.trim().into()).collect();
        let in_file = |at: usize| Some(Column { at, name: names.get(at)?.clone() });
        let roles: Vec<Role> = config.derivation.iter().flat_map(Derivation::roles).collect();
        let made: Vec<Arc<str>> = roles.iter().map(|role| by_transform(role.key())).collect();
        let column = |role: Role| {
            if let Some(place) = roles.iter().position(|made| *made == role) {
                return Some(Column { at: names.len() + place, name: made.get(place)?.clone() });
            }
            let (_, at) = columns.iter().find(|(other, _)| *other == role)?;
            in_file(*at)
        };
        let required = |role| column(role).expect("missing columns were refused above");
        Ok(Self {
            width: names.len(),
            inputs: inputs.into_iter().filter_map(in_file).collect(),
            order_id: required(Role::OrderId),
            product_id: required(Role::ProductId),
            quantity: required(Role::Quantity),
            unit_price: required(Role::UnitPrice),
            ordered_at: required(Role::OrderedAt),
            customer_id: column(Role::CustomerId),
            description: column(Role::Description),
            region: column(Role::Region),
            category: column(Role::Category),
            currency: column(Role::Currency).or_else(|| {
                let free = |at: &usize| !taken.contains_key(at);
                let columns =
                    names.iter().enumerate().filter(|(_, name)| currency::is_column(name));
                let found = columns.map(|(at, _)| at).find(free);
                found.filter(|_| config.currency.is_looked_for()).and_then(in_file)
            }),
            made,
            names,
        })
    }

    /// The column of this meaning, if the partner has it.
    pub(crate) fn column(&self, role: Role) -> Option<&Column> {
        match role {
            Role::OrderId => Some(&self.order_id),
            Role::ProductId => Some(&self.product_id),
            Role::Description => self.description.as_ref(),
            Role::Region => self.region.as_ref(),
            Role::Category => self.category.as_ref(),
            Role::CustomerId => self.customer_id.as_ref(),
            Role::Quantity => Some(&self.quantity),
            Role::UnitPrice => Some(&self.unit_price),
            Role::OrderedAt => Some(&self.ordered_at),
            Role::Currency => self.currency.as_ref(),
        }
    }

    /// May a record have names of columns where the rows have numbers and dates? Asked of what is no
    /// good row, and quick.
    pub(crate) fn may_be_header<'a>(&self, field: impl Fn(&Column) -> Option<&'a str>) -> bool {
        let typed = [&self.quantity, &self.unit_price, &self.ordered_at];
        let texts = typed.into_iter().filter(|column| column.at < self.width).filter_map(field);
        let is_name =
            |text: &str| text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '"');
        let mut texts = texts.peekable();
        texts.peek().is_none() || texts.any(is_name)
    }

    /// Are `names`, of a line behind the header, names of columns again?
    pub(crate) fn again(&self, config: &Config, names: &[String]) -> Option<HeaderAgain> {
        let cells: Vec<String> = names.iter().map(|name| folded(name)).collect();
        let inputs = config.derivation.iter().flat_map(Derivation::inputs);
        let inputs: Vec<Names> = inputs.map(|name| name.as_str().into()).collect();
        let wanted = config.columns.iter().map(|(_, names)| names).chain(&inputs);
        let is_there = |names: &&Names| names.iter().any(|name| cells.contains(&folded(name)));
        let wanted: Vec<&Names> = wanted.collect();
        let there = wanted.iter().filter(|names| is_there(names)).count();
        if there < wanted.len().min(NAMES_MIN) {
            return None;
        }
        let same = Self::new(config, names).is_ok_and(|other| {
            let places = |layout: &Self| -> Vec<Option<usize>> {
                let roles = Role::ALL.into_iter().map(|role| layout.column(role).map(|c| c.at));
                roles.chain(layout.inputs.iter().map(|column| Some(column.at))).collect()
            };
            other.width == self.width && places(&other) == places(self)
        });
        Some(if same { HeaderAgain::Same } else { HeaderAgain::Other })
    }

    /// The columns in use: their keys in the configuration and their names in the file.
    pub(crate) fn used(&self) -> BTreeMap<String, String> {
        let named = |role: Role| Some((role.key().to_owned(), self.column(role)?.name.to_string()));
        Role::ALL.into_iter().filter_map(named).collect()
    }
}

/// How a column, or `where`, is called in a reject when an expression is to blame.
pub(crate) fn by_transform(key: &str) -> Arc<str> {
    format!("{key} (by transform)").into()
}

/// The names of a header, as they are compared.
struct Header<'a> {
    names: &'a [String],
    /// Exactly but for case and blanks around them.
    close: Vec<String>,
    folded: Vec<String>,
}

impl<'a> Header<'a> {
    fn new(names: &'a [String]) -> Self {
        let close = names.iter().map(|name| close(name)).collect();
        Self { close, folded: names.iter().map(|name| folded(name)).collect(), names }
    }

    /// The column with the first of `names` that is there; an exact name before a similar one.
    fn find(&self, names: &Names) -> Result<Option<usize>, FileError> {
        for name in names.iter() {
            for (keys, key) in [(&self.close, close(name)), (&self.folded, folded(name))] {
                let mut hits = keys.iter().enumerate().filter(|(_, other)| **other == key);
                match (hits.next(), hits.next()) {
                    (None, _) => {}
                    (Some((at, _)), None) => return Ok(Some(at)),
                    (Some(_), Some(_)) => {
                        let all = self.names.iter().zip(keys).filter(|(_, other)| **other == key);
                        let found = found(all.map(|(name, _)| name));
                        return Err(FileError::HeaderDuplicate { column: name.to_owned(), found });
                    }
                }
            }
        }
        Ok(None)
    }
}

fn close(name: &str) -> String {
    name.trim().to_lowercase()
}

/// A name without case, accents, blanks and punctuation; currency signs stay, since `Price €` and
/// `Price $` are two columns. What is nothing but punctuation stays as it is.
pub(crate) fn folded(name: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '€' | '£' | '$' | '¥');
    let letters = name.nfkd().filter(|c| !is_combining_mark(*c)).filter(kept);
    let key: String = letters.collect::<String>().to_lowercase();
    if key.is_empty() { close(name) } else { key }
}

fn found<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let cut = |name: &String| name.trim().chars().take(FOUND_CHARS_MAX).collect();
    names.take(FOUND_MAX).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_accents_blanks_and_punctuation() {
        for (one, other) in [
            ("Order-ID", "order id"),
            ("ORDER_ID", "OrderID"),
            ("N° de commande", "n de commande"),
            ("Référence", "REFERENCE"),
            ("Straße", "STRASSE"),
            ("Qté.", "qte"),
            ("Ｐｒｉｃｅ", "price"),
            ("Tootehind (ilma KM)", "tootehind ilma km"),
        ] {
            let fold = |name: &str| folded(&folded(name).replace('ß', "ss"));
            assert_eq!(fold(one), fold(other), "{one:?} {other:?}");
        }
        assert_ne!(folded("Price €"), folded("Price $"));
        assert_eq!(folded(" # "), "#");
    }
}
