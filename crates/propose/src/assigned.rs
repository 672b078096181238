//! The columns of the roles, as found.

use super::aliases::Role;
use super::guess::{Guess, Trust};
use super::table::{Column, Table};

/// The column found for one role.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) role: Role,
    pub(super) at: usize,
    pub(super) trust: Trust,
    pub(super) why: String,
}

/// The columns found for all roles.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    pub(super) found: Vec<Found>,
}

impl Assigned {
    pub(super) fn at(&self, role: Role) -> Option<usize> {
        self.found.iter().find(|found| found.role == role).map(|found| found.at)
    }

    /// The values of a role's column; empty if it has no column.
    pub(super) fn values<'a>(&self, table: &'a Table, role: Role) -> &'a [String] {
        let column = self.at(role).and_then(|at| table.columns.get(at));
        column.map(|column| column.values.as_slice()).unwrap_or_default()
    }

    /// The name of a role's column.
    pub(super) fn name<'a>(&self, table: &'a Table, role: Role) -> &'a str {
        let column = self.at(role).and_then(|at| table.columns.get(at));
        column.map(|column| column.name.as_str()).unwrap_or_default()
    }

    /// The names of columns, in the order of the configuration.
    pub(super) fn guesses(&self, table: &Table) -> Vec<(Role, Guess<String>)> {
        let mut found: Vec<&Found> = self.found.iter().collect();
        found.sort_by_key(|found| found.role);
        let guess = |found: &Found| {
            let name = self.name(table, found.role).to_owned();
            (found.role, Guess::new(found.trust, name, found.why.clone()))
        };
        found.into_iter().map(guess).collect()
    }

    /// The columns without a role.
    pub(super) fn free<'a>(&self, table: &'a Table) -> impl Iterator<Item = &'a Column> {
        let is_free = |at: usize| self.found.iter().all(|found| found.at != at);
        let columns = table.columns.iter().enumerate();
        columns.filter(move |(at, _)| is_free(*at)).map(|(_, column)| column)
    }

    pub(super) fn doubt_price(&mut self, doubt: &str) {
        if let Some(slot) = self.found.iter_mut().find(|found| found.role == Role::UnitPrice) {
            slot.trust = Trust::Unsure;
            slot.why = format!("{}, but {doubt}: please look", slot.why);
        }
    }

    pub(super) fn add(&mut self, role: Role, at: usize, trust: Trust, why: impl Into<String>) {
        self.found.push(Found { role, at, trust, why: why.into() });
    }
}
