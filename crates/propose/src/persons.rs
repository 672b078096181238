//! Columns about the person who buys, and about the sale that is returned: by name, and by what they hold.

mod names;

use super::aliases::Role;
use super::assigned::Assigned;
use super::guess::{Guess, Trust};
use super::table::{self, Table};
use domain::extra::PersonTexts;
use domain::partner::Column;
use domain::person;
use names::Named;
pub(super) use names::is_person;
use std::collections::HashMap;

/// Most values of a column that are examined.
const VALUES_MAX: usize = 2_000;
/// A column with a lower share of good values, in percent, is left out: each bad one rejects its row.
const FIT_MIN: usize = 50;

/// A column of ours, with the column of the file, or those of the lines of a street.
pub(super) type Found = (Column, Guess<Vec<String>>);

/// Finds the columns; and notes for people, about what has the name of one and cannot be used.
pub(super) fn find(table: &Table, assigned: &Assigned) -> (Vec<Found>, Vec<String>) {
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    for column in Column::PERSON {
        let named = names::columns(column, |at| may_be_person(assigned, at), table);
        let guess = match named {
            Some(named) => guess(column, &named, table, assigned).unwrap_or_else(|note| {
                notes.push((column, note));
                None
            }),
            None => by_content(column, table, assigned, &found),
        };
        found.extend(guess.map(|guess| (column, guess)));
    }
    for address in ["billing", "delivery"] {
        let is_part = |column: Column| column.key().starts_with(address);
        let has = |part: &str| {
            let key = format!("{address}.{part}");
            found.iter().any(|(column, _): &Found| column.key() == key)
        };
        let missing: Vec<&str> =
            ["street", "city", "country"].into_iter().filter(|part| !has(part)).collect();
        if missing.len() == 3 {
            // A column of countries alone is no address.
            notes.retain(|(column, _)| !is_part(*column));
        } else if let [first, ..] = missing.as_slice() {
            let column = Column::ALL.into_iter().find(|column| is_part(*column));
            let note = format!("no {address} address: no column for its {first} can be used");
            notes.extend(column.map(|column| (column, note)));
        }
        if !missing.is_empty() {
            found.retain(|(column, _)| !is_part(*column));
        }
    }
    found.extend(returns(table, assigned));
    (found, notes.into_iter().map(|(_, note)| note).collect())
}

/// A column without another meaning, or one that a person may share.
fn may_be_person(assigned: &Assigned, at: usize) -> bool {
    let role = assigned.found.iter().find(|found| found.at == at).map(|found| found.role);
    matches!(role, None | Some(Role::CustomerId | Role::Region))
}

fn filled(column: &table::Column) -> impl Iterator<Item = &String> {
    column.values.iter().take(VALUES_MAX).filter(|value| !value.is_empty())
}

/// The share of values, in percent, that the reader accepts; nothing if there is no value.
fn fit(column: Column, of_file: &table::Column) -> Option<usize> {
    let (mut all, mut good) = (0, 0);
    for text in filled(of_file) {
        all += 1;
        let text = text.strip_prefix('\'').filter(|rest| rest.starts_with('+')).unwrap_or(text);
        good += usize::from(person::add_column(column, text, &mut PersonTexts::new()).is_ok());
    }
    (all > 0).then(|| good * 100 / all)
}

/// A guess, nothing if the columns are empty, or why they cannot be used.
fn guess(
    column: Column,
    named: &Named,
    table: &Table,
    assigned: &Assigned,
) -> Result<Option<Guess<Vec<String>>>, String> {
    let columns: Vec<&table::Column> =
        named.columns.iter().filter_map(|at| table.columns.get(*at)).collect();
    let fits = columns.iter().filter_map(|of_file| fit(column, of_file)).min();
    let Some(fits) = fits else { return Ok(None) };
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    if fits < FIT_MIN {
        let (key, names) = (column.key(), names.join(", "));
        return Err(format!("no {key}: {fits} % of the values in {names} fit"));
    }
    let differing =
        columns.iter().map(|of_file| differing(table, assigned, of_file)).sum::<usize>();
    let doubt = match (differing, named.is_clear, fits) {
        (1.., ..) => Some(format!("{differing} orders have rows that differ in it")),
        (0, false, _) => Some("the name does not say which address it belongs to".to_owned()),
        (0, true, ..100) => {
            Some(format!("{fits} % of its values fit, the others reject their rows"))
        }
        (0, true, _) => None,
    };
    if let Some(doubt) = doubt {
        let why = format!("a usual name, but {doubt}: please look");
        return Ok(Some(Guess::new(Trust::Unsure, names, why)));
    }
    // Any text is a name.
    let is_checked = matches!(
        column,
        Column::Email | Column::Phone | Column::BillingCountry | Column::DeliveryCountry
    );
    let trust = if is_checked { Trust::Sure } else { Trust::Likely };
    Ok(Some(Guess::new(trust, names, "a usual name; all of its values fit")))
}

/// How many orders have rows of which two are filled and differ.
fn differing(table: &Table, assigned: &Assigned, column: &table::Column) -> usize {
    let mut first: HashMap<&str, (&str, bool)> = HashMap::new();
    let mut order = "";
    for (id, text) in assigned.values(table, Role::OrderId).iter().zip(&column.values) {
        order = if id.is_empty() { order } else { id };
        if !text.is_empty() {
            let said = first.entry(order).or_insert((text, false));
            said.1 |= said.0 != text;
        }
    }
    first.values().filter(|(_, differs)| *differs).count()
}

/// E-mail addresses, and telephone numbers with their country, are known without a name.
fn by_content(
    column: Column,
    table: &Table,
    assigned: &Assigned,
    found: &[Found],
) -> Option<Guess<Vec<String>>> {
    if !matches!(column, Column::Email | Column::Phone) {
        return None;
    }
    let is_free = |of_file: &table::Column| {
        found.iter().all(|(_, guess)| !guess.value.contains(&of_file.name))
    };
    let columns = table.columns.iter().enumerate();
    let mut columns = columns.filter(|(at, _)| may_be_person(assigned, *at)).map(|(_, it)| it);
    let it = columns.find(|it| is_free(it) && fit(column, it).is_some_and(|fit| 95 <= fit))?;
    let why = "by what it holds, not by its name: please look";
    Some(Guess::new(Trust::Unsure, vec![it.name.clone()], why))
}

/// The sale that is returned: a usual name, and filled in returns only.
fn returns(table: &Table, assigned: &Assigned) -> Option<Found> {
    let is_free = |at: usize| assigned.found.iter().all(|found| found.at != at);
    let at = names::returns(is_free, table)?;
    let column = table.columns.get(at)?;
    let rows = column.values.iter().zip(assigned.values(table, Role::Quantity));
    let mut rows = rows.filter(|(sale, _)| !sale.is_empty()).peekable();
    rows.peek()?;
    let (trust, why) = match rows.all(|(_, quantity)| quantity.starts_with('-')) {
        true => (Trust::Likely, "a usual name, and only rows below zero have it"),
        false => (
            Trust::Unsure,
            "a usual name, but rows above zero have it, which is refused: please look",
        ),
    };
    Some((Column::Returns, Guess::new(trust, vec![column.name.clone()], why)))
}
