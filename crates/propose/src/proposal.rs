//! A proposed configuration, guessed from the content of a file.

use domain::partner::{Encoding, Quote, QuoteEscape, ShortRows};

use super::aliases::Role;
use super::assigned::Assigned;
use super::guess::{Guess, NoProposal, Trust};
use super::table::{Seen, Table};
use super::{columns, dates, money, numbers, persons, status, text, twins};

/// A proposed configuration.
#[derive(Debug)]
pub struct Proposal {
    pub(crate) encoding: Guess<Encoding>,
    pub(crate) delimiter: Guess<char>,
    pub(crate) quotes: Option<Guess<(Quote, QuoteEscape)>>,
    pub(crate) decimal_mark: Guess<char>,
    pub(crate) thousands_mark: Option<Guess<char>>,
    pub(crate) currency_signs: Option<Guess<Vec<String>>>,
    pub(crate) footer_lines: Option<Guess<usize>>,
    pub(crate) continued_rows: Option<Guess<bool>>,
    /// Whether rows leave empty cells at their end out.
    pub(crate) short_rows: Option<Guess<ShortRows>>,
    /// Which rows are sales.
    pub(crate) condition: Option<Guess<String>>,
    pub(crate) dates: Guess<Vec<String>>,
    pub(crate) time_zone: Guess<String>,
    pub(crate) currency: Guess<String>,
    pub(crate) columns: Vec<(Role, Guess<String>)>,
    /// The name of the currency column.
    pub(crate) currency_column: Option<Guess<String>>,
    /// Columns about the person who buys, and the returned sale.
    pub(crate) persons: Vec<persons::Found>,
    /// About columns that cannot be used.
    pub(crate) notes: Vec<String>,
    pub(crate) customer_required: Guess<bool>,
    pub(crate) price_positive: Guess<bool>,
    /// What equal rows are.
    pub(crate) duplicates: Option<Guess<String>>,
    pub(crate) return_prefix: Option<Guess<String>>,
    /// Columns that orderflow does not use.
    pub(crate) unused: Vec<String>,
    /// The position of the table from which everything was guessed.
    pub seen: Seen,
}

/// Proposes how to read a file that begins with `bytes`, or consists of them if `is_whole`. `named` are
/// the columns that a person has named.
///
/// # Errors
/// If it is not a table, or a required column cannot be found.
pub fn propose(
    bytes: &[u8],
    is_whole: bool,
    named: &[(Role, String)],
) -> Result<Proposal, NoProposal> {
    propose_in(None, bytes, is_whole, named)
}

/// As [`propose`], in the encoding that a person has named.
///
/// # Errors
/// As [`propose`], and if the names of columns depend on an encoding that cannot be determined.
pub fn propose_in(
    encoding: Option<Encoding>,
    bytes: &[u8],
    is_whole: bool,
    named: &[(Role, String)],
) -> Result<Proposal, NoProposal> {
    let text = text::decode(bytes, is_whole, encoding)?;
    let found = Table::read(&text.value, is_whole).and_then(|(table, delimiter)| {
        let assigned = columns::assign(&table, named)?;
        Ok((table, delimiter, assigned))
    });
    let has_names = |table: &Table| table.columns.iter().all(|column| column.name.is_ascii());
    let is_read = found.as_ref().is_ok_and(|(table, ..)| has_names(table));
    if !text.candidates.is_empty() && !is_read {
        return Err(NoProposal::Encoding(text.candidates));
    }
    let (table, delimiter, assigned) = found?;
    let day_first = dates::Hint::of(&table, &assigned, delimiter.value);
    let encoding = Guess { value: text.encoding, trust: text.trust, why: text.why };
    let column = |role| assigned.values(&table, role);
    let decimal_mark = numbers::decimal_mark(column(Role::UnitPrice));
    let money = money::find(&table, &assigned, decimal_mark.value);
    let dates = dates::formats(column(Role::OrderedAt), day_first);
    let (persons, notes) = persons::find(&table, &assigned);
    let names = assigned.free(&table).map(|column| &column.name);
    let is_currency =
        |name: &String| money.column.as_ref().is_some_and(|column| column.value == *name);
    let is_person = |name: &String| persons.iter().any(|(_, guess)| guess.value.contains(name));
    let continued = continued(&table, &assigned).into_iter().filter(|continues| *continues).count();
    Ok(Proposal {
        time_zone: time_zone(&dates),
        dates,
        currency: money.currency,
        thousands_mark: numbers::thousands_mark(
            column(Role::UnitPrice).iter().chain(column(Role::Quantity)),
            decimal_mark.value,
        ),
        currency_signs: money.signs,
        footer_lines: footer_lines(&table),
        quotes: table.quotes.clone(),
        seen: table.seen.clone(),
        continued_rows: (continued > 0).then(|| {
            let why = format!("{continued} rows leave out what their order's first row says");
            Guess::new(Trust::Likely, true, why)
        }),
        short_rows: short_rows(&table),
        condition: status::condition(&table, &assigned),
        duplicates: twins::duplicates(&table, &assigned),
        customer_required: customer_required(&table, &assigned),
        price_positive: numbers::price_positive(column(Role::UnitPrice)),
        return_prefix: return_prefix(column(Role::OrderId), column(Role::Quantity)),
        unused: names.filter(|name| !is_currency(name) && !is_person(name)).cloned().collect(),
        persons,
        notes,
        currency_column: money.column,
        columns: assigned.guesses(&table),
        encoding,
        delimiter,
        decimal_mark,
    })
}

/// The time zone of dates without an offset.
fn time_zone(dates: &Guess<Vec<String>>) -> Guess<String> {
    let has_offset = |format: &String| format.ends_with(['z', 'Z']);
    let (trust, why) = if dates.value.iter().all(has_offset) && !dates.value.is_empty() {
        (Trust::Likely, "every date has its own offset")
    } else {
        (Trust::Unsure, "for dates without an offset; a file does not name it")
    };
    Guess::new(trust, "UTC".to_owned(), why)
}

fn footer_lines(table: &Table) -> Option<Guess<usize>> {
    let lines = table.footer_lines;
    let (trust, why) = match (lines, table.is_open) {
        (0, _) => return None,
        (1, false) => {
            (Trust::Unsure, "one line at the end has few cells: a remark, or a row that is cut")
        }
        (_, true) => {
            (Trust::Unsure, "the file ends in the middle of a line, which may be a row that is cut")
        }
        _ => (Trust::Likely, "the last lines have at most half as many cells as the others"),
    };
    Some(Guess::new(trust, lines, why))
}

fn short_rows(table: &Table) -> Option<Guess<ShortRows>> {
    let (short, rows) = (table.short_rows, table.columns.first()?.values.len());
    // One alone may be cut.
    (1 < short).then(|| {
        let why = format!(
            "{short} of {rows} rows have fewer cells than the header; they are read as empty"
        );
        Guess::new(Trust::Unsure, ShortRows::Fill, why)
    })
}

/// For each row, whether it continues the order of the row before: it has a product, its order id is the same or
/// empty, and its date or customer is left out.
fn continued(table: &Table, assigned: &Assigned) -> Vec<bool> {
    let column = |role| assigned.values(table, role).iter();
    let customers = assigned.values(table, Role::CustomerId);
    let (mut rows, mut before) = (Vec::new(), None);
    // Has the order a row that names the customer?
    let mut named = false;
    let dates = column(Role::OrderedAt).zip(column(Role::ProductId));
    for (row, (order, (date, product))) in column(Role::OrderId).zip(dates).enumerate() {
        let same = before.is_some() && (order.is_empty() || before == Some(order));
        let anonymous = customers.get(row).is_some_and(String::is_empty);
        let leaves_out = date.is_empty() || (named && anonymous);
        rows.push(same && leaves_out && !product.is_empty());
        named = (same && named) || customers.get(row).is_some_and(|customer| !customer.is_empty());
        before = if order.is_empty() { before } else { Some(order) };
    }
    rows
}

fn customer_required(table: &Table, assigned: &Assigned) -> Guess<bool> {
    let values = assigned.values(table, Role::CustomerId);
    // A row that continues an order has the customer of the order's first row.
    let rows = values.iter().zip(continued(table, assigned));
    let empty = rows.filter(|(value, continues)| value.is_empty() && !continues).count();
    match (values.len(), empty) {
        (0, _) => Guess::new(Trust::Sure, false, "there is no such column"),
        (rows, 0) => Guess::new(Trust::Likely, true, format!("all of {rows} rows have one")),
        (rows, empty) => {
            let why = format!("{empty} of {rows} rows have none; true would reject them");
            Guess::new(Trust::Unsure, false, why)
        }
    }
}

/// A letter with which the ids of all orders with negative quantities begin, and no others.
fn return_prefix(orders: &[String], quantities: &[String]) -> Option<Guess<String>> {
    let rows = || orders.iter().zip(quantities).filter(|(order, _)| !order.is_empty());
    let negative = |quantity: &str| quantity.starts_with('-');
    let first = rows().find(|(_, quantity)| negative(quantity))?.0.chars().next()?;
    let fits =
        |(order, quantity): (&String, &String)| order.starts_with(first) == negative(quantity);
    if !first.is_alphabetic() || !rows().all(fits) {
        return None;
    }
    let returns = rows().filter(|(_, quantity)| negative(quantity)).count();
    let why = format!("so do all {returns} rows below zero, and no other");
    Some(Guess::new(Trust::Likely, first.to_string(), why))
}
