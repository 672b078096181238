//! Reads the header line: the position of each column.

use crate::column::{Column, close, folded};
use crate::config::{Config, may_share};
use crate::currency;
use crate::derive::Derivation;
use crate::file_error::FileError;
use domain::partner::{Column as Role, Names};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most header names in an error message, and most characters of each.
const FOUND_MAX: usize = 32;
const FOUND_CHARS_MAX: usize = 64;

/// The positions of the columns in a file.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Number of fields of each record. Computed columns come after them.
    pub(crate) width: usize,
    /// The same without columns at the end that have no name: rows may leave them out.
    pub(crate) named: usize,
    /// Columns that expressions use.
    pub(crate) inputs: Vec<Column>,
    /// Names of the computed columns.
    pub(crate) made: Vec<Arc<str>>,
    /// All header names, to name the column of a structural defect.
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
    /// The optional columns that the partner has; a street has one for each of its lines.
    pub(crate) extras: Vec<(Role, Column)>,
}

/// A line with column names in the middle of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderAgain {
    /// All names in their places: the line is not a row, and rows follow.
    Same,
    /// Other places, or some are missing: the following rows cannot be read with this header.
    Other,
}

/// This many column names in one line are not a coincidence.
pub(crate) const NAMES_MIN: usize = 3;

impl Layout {
    /// Matches the header `names` with the configured columns.
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
        let taken = taken(&columns, names)?;
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
            named: names
                .iter()
                .rposition(|name| !name.trim().is_empty())
                .map_or(0, |last| last + 1),
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
            extras: extras(&roles, &made, &columns, &names),
            made,
            names,
        })
    }

    /// The column of this role, if the partner has it.
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
            _ => self.extras_of(role).next(),
        }
    }

    /// The columns of an optional role.
    fn extras_of(&self, role: Role) -> impl Iterator<Item = &Column> {
        let of_role = self.extras.iter().filter(move |(other, _)| *other == role);
        of_role.map(|(_, column)| column)
    }

    /// Can a record have column names where rows have numbers and dates? A quick check for records that
    /// are not good rows.
    pub(crate) fn may_be_header<'a>(&self, field: impl Fn(&Column) -> Option<&'a str>) -> bool {
        let typed = [&self.quantity, &self.unit_price, &self.ordered_at];
        let texts = typed.into_iter().filter(|column| column.at < self.width).filter_map(field);
        let is_name =
            |text: &str| text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '"');
        let mut texts = texts.peekable();
        texts.peek().is_none() || texts.any(is_name)
    }

    /// Are `names`, from a line after the header, column names again?
    pub(crate) fn again(&self, config: &Config, names: &[String]) -> Option<HeaderAgain> {
        let inputs = config.derivation.iter().flat_map(Derivation::inputs);
        let inputs = inputs.map(|name| Names::from(name.as_str()));
        let wanted = config.columns.iter().map(|(_, names)| names.clone());
        let wanted: Vec<Names> = wanted.chain(inputs).collect();
        if names_in(&wanted, names) < wanted.len().min(NAMES_MIN) {
            return None;
        }
        let same = Self::new(config, names).is_ok_and(|other| {
            let places = |layout: &Self| -> Vec<Option<usize>> {
                let roles = Role::ALL.into_iter().map(|role| layout.column(role).map(|c| c.at));
                let extras = layout.extras.iter().map(|(_, column)| Some(column.at));
                roles.chain(extras).chain(layout.inputs.iter().map(|it| Some(it.at))).collect()
            };
            other.width == self.width && places(&other) == places(self)
        });
        Some(if same { HeaderAgain::Same } else { HeaderAgain::Other })
    }

    /// The used columns: their keys in the configuration and their names in the file.
    pub(crate) fn used(&self) -> BTreeMap<String, String> {
        let lines = |role: Role| -> Vec<&str> {
            self.extras_of(role).skip(1).map(|column| &*column.name).collect()
        };
        let named = |role: Role| {
            let first = &*self.column(role)?.name;
            let all: Vec<&str> = std::iter::once(first).chain(lines(role)).collect();
            Some((role.key().to_owned(), all.join(", ")))
        };
        Role::ALL.into_iter().filter_map(named).collect()
    }
}

/// The optional columns, of the transform or of the file.
fn extras(
    roles: &[Role],
    made: &[Arc<str>],
    columns: &[(Role, usize)],
    names: &[Arc<str>],
) -> Vec<(Role, Column)> {
    let column = |at: usize, name: &Arc<str>| Column { at, name: name.clone() };
    let is_extra =
        |role: &Role| Role::CHARGES.contains(role) || *role == Role::Returns || role.is_person();
    let of_role = |role: Role| {
        let place = roles.iter().position(|other| *other == role);
        let of_transform = place.and_then(|at| Some(column(names.len() + at, made.get(at)?)));
        let of_file = columns.iter().filter(move |(other, _)| *other == role);
        let of_file = of_file.filter_map(|(_, at)| Some(column(*at, names.get(*at)?)));
        of_transform
            .into_iter()
            .chain(of_file)
            .map(move |column| (role, column))
            .collect::<Vec<_>>()
    };
    Role::ALL.into_iter().filter(is_extra).flat_map(of_role).collect()
}

/// The role of each position.
///
/// # Errors
/// If a position has two roles that it cannot have both.
fn taken(columns: &[(Role, usize)], names: &[String]) -> Result<BTreeMap<usize, Role>, FileError> {
    let mut taken = BTreeMap::new();
    for (role, at) in columns {
        let other = taken.insert(*at, *role);
        if let Some(other) = other.filter(|other| !may_share(*other, *role)) {
            let column = names.get(*at).map(|name| name.trim()).unwrap_or_default();
            let found = [other, *role].map(|role| format!("{}: {column}", role.key()));
            return Err(FileError::HeaderDuplicate {
                column: column.to_owned(),
                found: found.into(),
            });
        }
    }
    Ok(taken)
}

/// How many of the columns have one of their names in `cells`.
pub(crate) fn names_in(columns: &[Names], cells: &[String]) -> usize {
    let cells: Vec<String> = cells.iter().map(|cell| folded(cell)).collect();
    let is_there = |names: &&Names| names.iter().any(|name| cells.contains(&folded(name)));
    columns.iter().filter(is_there).count()
}

/// The name of a computed column, or of `where`, in a reject.
pub(crate) fn by_transform(key: &str) -> Arc<str> {
    format!("{key} (by transform)").into()
}

/// The names of a header, in the forms that are compared.
struct Header<'a> {
    names: &'a [String],
    /// Exact except for case and surrounding spaces.
    close: Vec<String>,
    folded: Vec<String>,
}

impl<'a> Header<'a> {
    fn new(names: &'a [String]) -> Self {
        let close = names.iter().map(|name| close(name)).collect();
        Self { close, folded: names.iter().map(|name| folded(name)).collect(), names }
    }

    /// The column with the first of `names` that exists; an exact match before a folded one.
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

fn found<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let cut = |name: &String| name.trim().chars().take(FOUND_CHARS_MAX).collect();
    names.take(FOUND_MAX).map(cut).collect()
}
