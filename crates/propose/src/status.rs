//! Rows that are no sales, by a column that says what became of them.

use super::aliases::words;
use super::assigned::Assigned;
use super::guess::{Guess, Trust};
use super::table::{Column, Table};
use std::collections::BTreeMap;

/// Words in the name of such a column, as [`words`] folds them.
const NAMES: [&str; 8] =
    ["status", "state", "statut", "etat", "estado", "stato", "zustand", "situacao"];
/// Beginnings of values of rows that are no sales, folded in the same way.
const NO_SALES: [&str; 26] = [
    "cancel",
    "canceled",
    "refund",
    "fail",
    "void",
    "declin",
    "reject",
    "abandon",
    "expired",
    "draft",
    "trash",
    "storn",
    "erstattet",
    "fehlgeschlagen",
    "abgelehnt",
    "annul",
    "rembours",
    "echou",
    "refus",
    "reembols",
    "rechazad",
    "fallid",
    "rimbors",
    "rifiutat",
    "geannuleerd",
    "terugbetaald",
];
/// A column with more values holds something else.
const VALUES_MAX: usize = 30;

/// The condition that leaves rows out that are no sales; a person has to say whether that is right.
pub(super) fn condition(table: &Table, assigned: &Assigned) -> Option<Guess<String>> {
    let found = assigned.free(table).filter(|column| is_status(column)).find_map(|column| {
        let values = counted(column);
        let no_sales: Vec<(&str, usize)> =
            values.into_iter().filter(|(value, _)| is_no_sale(value)).collect();
        (!no_sales.is_empty()).then_some((column, no_sales))
    });
    let (column, no_sales) = found?;
    // A value with a quote cannot be compared as it is.
    let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let texts: Vec<String> = no_sales.iter().map(|(value, _)| text(value)).collect();
    let name = column.name.replace('"', "\"\"");
    let condition = format!("\"{name}\" NOT IN ({})", texts.join(", "));
    let rows: usize = no_sales.iter().map(|(_, rows)| rows).sum();
    let why =
        format!("{rows} rows look like no sales; without this line they are placed: please look");
    Some(Guess::new(Trust::Unsure, condition, why))
}

fn is_status(column: &Column) -> bool {
    words(&column.name).iter().any(|word| NAMES.contains(&word.as_str()))
}

/// The values with the number of their rows; nothing if there are too many.
fn counted(column: &Column) -> BTreeMap<&str, usize> {
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    for value in column.values.iter().filter(|value| !value.is_empty()) {
        *values.entry(value).or_default() += 1;
    }
    if VALUES_MAX < values.len() { BTreeMap::new() } else { values }
}

fn is_no_sale(value: &str) -> bool {
    words(value).iter().any(|word| NO_SALES.iter().any(|start| word.starts_with(start)))
}
