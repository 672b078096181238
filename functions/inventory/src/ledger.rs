//! What moved the stock of each product: a fold of the journals of all warehouses.

mod book;
mod movement;

pub(crate) use book::{Book, Books, Page};
pub(crate) use movement::{Movement, Number, OrderAttempt, Why};

use domain::inventory::Body;
use messaging::{header, streams};
use state::fold::{Event, Fold, Source};
use state::journal::Record;
use std::borrow::Cow;

/// What the subjects of journals begin with.
const PREFIX: &str = "journal.inventory.";

/// The fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ledger;

impl Fold for Ledger {
    type State = Books;

    const NAME: &'static str = "movements";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::JOURNAL, filter: "journal.inventory.*", headers_only: false }];
    const SHARDS: usize = 8;

    fn key<'e>(&self, event: &Event<'e>) -> Result<Option<Cow<'e, str>>, String> {
        Ok(event.subject.strip_prefix(PREFIX).map(Cow::Borrowed))
    }

    fn apply(&self, books: &mut Books, event: &Event<'_>) -> Result<(), String> {
        let warehouse = event.subject.strip_prefix(PREFIX).unwrap_or(event.subject);
        let is_marked = event.header(header::JOURNAL).is_some();
        match Record::<Body>::parse(event.payload) {
            Ok(record) => books.entry(warehouse, event.sequence, is_marked, &record),
            // What none of the journal's writers wrote is no entry.
            Err(_) if !is_marked => {}
            Err(error) => return Err(error.to_string()),
        }
        books.forget(event.kept_from);
        Ok(())
    }

    fn held(books: &Books) -> usize {
        books.held()
    }
}
