//! What moved the stock of each product: a fold of the journals of all warehouses.

mod book;
mod movement;

pub(crate) use book::{Book, Books, Page};
pub(crate) use movement::{Movement, Number, OrderAttempt, Why};

use domain::inventory::Body;
use messaging::{header, streams};
use state::fold::{Event, Fold, Reading, Source};
use state::journal::Record;
use std::borrow::Cow;

/// What the subjects of journals begin with.
const PREFIX: &str = "journal.inventory.";

/// The fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ledger;

impl Fold for Ledger {
    type State = Books;
    /// An entry, and whether it has the mark of the journal's writers.
    type Said = (Record<Body>, bool);

    const NAME: &'static str = "movements";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::JOURNAL, filter: "journal.inventory.*", headers_only: false }];
    const SHARDS: usize = 8;

    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, Self::Said> {
        let Some(warehouse) = event.subject.strip_prefix(PREFIX) else { return Ok(None) };
        let is_marked = event.header(header::JOURNAL).is_some();
        match Record::<Body>::parse(event.payload()?) {
            Ok(record) => Ok(Some((Cow::Borrowed(warehouse), (record, is_marked)))),
            // What none of the journal's writers wrote is no entry.
            Err(_) if !is_marked => Ok(None),
            Err(error) => Err(error.to_string().into()),
        }
    }

    fn apply(
        &self,
        books: &mut Books,
        event: &Event<'_>,
        (record, is_marked): Self::Said,
    ) -> Result<(), String> {
        let warehouse = event.subject.strip_prefix(PREFIX).unwrap_or(event.subject);
        books.entry(warehouse, event.sequence, is_marked, &record);
        books.forget(event.kept_from);
        Ok(())
    }

    fn held(books: &Books) -> usize {
        books.held()
    }
}
