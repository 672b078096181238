//! Invoices and credit notes as rows, of what their headers say.

use crate::day::Day;
use crate::issued::{self, Issued};
use crate::table::{Cell, Head, Rows, Type};
use chrono::DateTime;
use domain::person::is_personal;
use messaging::{header, subject};
use state::fold::Event;

/// The columns. `amount` is below zero of a credit note: the sum is what was invoiced.
pub(crate) const HEADS: &[Head] = &[
    ("sequence", Type::Number),
    ("stored_at", Type::Time),
    ("number", Type::Text),
    ("kind", Type::Text),
    ("reason", Type::Text),
    ("warehouse", Type::Text),
    ("partner", Type::Text),
    ("seller", Type::Text),
    ("customer", Type::Text),
    ("order_id", Type::Text),
    ("credits", Type::Text),
    ("issued_on", Type::Date),
    ("currency", Type::Text),
    ("payable", Type::Amount),
    ("amount", Type::Amount),
];

/// What is said of a document that has no day of issue: when it was stored.
pub(crate) fn issued_on(event: &Event<'_>) -> Option<Day> {
    event.header(header::ISSUED_ON).and_then(Day::parse)
}

/// Reads a document; nothing if the message is none.
pub(crate) fn read<'e>(event: &Event<'e>) -> Option<Result<Issued<'e>, String>> {
    header::is_fact(event.headers).then(|| issued::read(event))
}

/// The text of a header that is written as a token.
fn token(event: &Event<'_>, name: &'static str) -> Option<String> {
    event.header(name).map(|token| subject::text(token).unwrap_or_else(|| token.to_owned()))
}

/// The partner's number of the customer. Nothing if it is an address, as orders of 0.1.0 have them.
pub(crate) fn customer(event: &Event<'_>) -> Option<String> {
    token(event, header::CUSTOMER).filter(|id| !is_personal(id))
}

/// Adds the row of a document.
pub(crate) fn rows(rows: &mut Rows, event: &Event<'_>, issued: &Result<Issued<'_>, String>) {
    let mut tokens = event.subject.split('.').skip(2);
    let mut next = || tokens.next().map(|it| subject::text(it).unwrap_or_else(|| it.to_owned()));
    let (warehouse, number) = (next(), next());
    let text = |name: &'static str| Cell::of(event.header(name), Cell::text);
    let read = issued.as_ref().ok();
    let kind = |issued: &Issued<'_>| if issued.is_credit { "credit_note" } else { "invoice" };
    rows.push([
        Cell::Number(i64::try_from(event.sequence).unwrap_or(i64::MAX)),
        Cell::of(DateTime::from_timestamp_millis(event.time_ms), Cell::Time),
        Cell::of(number, Cell::Text),
        Cell::text(read.map_or("unreadable", kind)),
        Cell::of(issued.as_ref().err(), |reason| Cell::text(reason.as_str())),
        Cell::of(warehouse, Cell::Text),
        text(header::PARTNER),
        text(header::SELLER),
        Cell::of(customer(event), Cell::Text),
        Cell::of(token(event, header::ORDER), Cell::Text),
        text(header::INVOICE),
        Cell::of(issued_on(event), Cell::Date),
        text(header::CURRENCY),
        Cell::of(read, |issued| Cell::Amount(issued.payable.0)),
        Cell::of(read, |issued| Cell::Amount(issued.signed())),
    ]);
}
