//! Rows that are equal in all that orderflow reads, and yet are not the same row.

use super::assigned::Assigned;
use super::guess::{Guess, Trust};
use super::table::{Column, Table};
use std::collections::HashMap;

/// `duplicates: off` where equal rows differ in a column that is not read, such as the number of a line: the second
/// one would be dropped as a duplicate.
pub(super) fn duplicates(table: &Table, assigned: &Assigned) -> Option<Guess<String>> {
    let rows = table.columns.first()?.values.len();
    let read: Vec<&Column> =
        assigned.found.iter().filter_map(|found| table.columns.get(found.at)).collect();
    let others: Vec<&Column> = assigned.free(table).collect();
    let cells = |columns: &[&Column], row: usize| -> Vec<String> {
        columns.iter().filter_map(|column| column.values.get(row).cloned()).collect()
    };
    let mut first: HashMap<Vec<String>, usize> = HashMap::new();
    let (mut twins, mut differing) = (0_usize, None);
    for row in 0..rows {
        let before = *first.entry(cells(&read, row)).or_insert(row);
        let differs = |column: &&&Column| column.values.get(before) != column.values.get(row);
        if let Some(column) = others.iter().find(differs) {
            twins += 1;
            differing = differing.or(Some(&column.name));
        }
    }
    let why = format!(
        "{twins} rows equal an earlier one but for {:?}; without this line each is dropped as a duplicate",
        differing?
    );
    Some(Guess::new(Trust::Unsure, "off".to_owned(), why))
}
