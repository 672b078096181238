//! Is a journal's input the one that it decided? Shown by the message that was decided last: it stands
//! in the stream where the journal says, under its number.
//!
//! A stream's name and its end do not show it: an older copy has the same name, and grows past the
//! position, if only by the facts that the next writer publishes again.

use super::input::Claim;
use super::{Book, LogError, Position, Record, facts, last};
use messaging::store::On;
use messaging::streams::JOURNAL;
use messaging::{Nats, stored};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many entries of a journal are looked at. Messages are decided in most of them.
const ENTRIES_MAX: usize = 1_000;

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

/// What stands where the message was that a journal decided last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// That message.
    Same,
    /// Something else: its sequence and its subject.
    Other(u64, String),
    /// Nothing, because it expired or was removed; or no message was decided since the position was
    /// set.
    None,
}

/// The input is not the one that was decided, or nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Older {
    /// An older copy of the stream answers.
    #[error(
        "an older copy of stream {stream} answers: the message that was decided last stood at \
         {sequence}, where {subject} is now"
    )]
    Copy {
        /// The input's stream.
        stream: String,
        /// Where the message stood.
        sequence: u64,
        /// What is there now.
        subject: String,
    },
    /// The server does not answer.
    #[error(transparent)]
    Unknown(#[from] LogError),
}

/// On which connection the input of each journal was seen to be the one that it decided: that is asked
/// once on each.
#[derive(Debug, Default)]
pub struct Seen(Mutex<HashMap<String, On>>);

impl Seen {
    /// Is the input that a batch claims to be of the one that the journal on `journal` decided?
    ///
    /// # Errors
    /// It is an older copy, or the server does not answer.
    pub async fn check<B: Book>(
        &self,
        nats: &Nats,
        journal: &str,
        book: &B,
        claim: &Claim,
    ) -> Result<(), Older> {
        let on = On::now(nats);
        let seen = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen().get(journal) == Some(&on) {
            return Ok(());
        }
        match of_input(nats, journal, book, |at| claim.is_of(at)).await? {
            Evidence::Other(sequence, subject) => {
                Err(Older::Copy { stream: claim.stream.clone(), sequence, subject })
            }
            Evidence::Same | Evidence::None => {
                seen().insert(journal.to_owned(), on);
                Ok(())
            }
        }
    }
}

/// A message that was decided, and where.
struct Last {
    stream: String,
    sequence: u64,
    subject: String,
}

/// Looks where the message stood that the journal on `journal` decided last at the stream that `is_it`
/// accepts.
///
/// # Errors
/// The server does not answer.
pub async fn of_input<B: Book>(
    nats: &Nats,
    journal: &str,
    book: &B,
    is_it: impl Fn(&Position) -> bool,
) -> Result<Evidence, LogError> {
    let Some(Last { stream, sequence, subject }) = last_decided(nats, journal, book, is_it).await?
    else {
        return Ok(Evidence::None);
    };
    match stored::at(nats, &stream, sequence).await.map_err(unavailable)? {
        Some(message) if message.subject == subject => Ok(Evidence::Same),
        Some(message) => Ok(Evidence::Other(sequence, message.subject)),
        None => Ok(Evidence::None),
    }
}

async fn last_decided<B: Book>(
    nats: &Nats,
    journal: &str,
    book: &B,
    is_it: impl Fn(&Position) -> bool,
) -> Result<Option<Last>, LogError> {
    let Some((mut at, _)) = last(nats, journal).await? else { return Ok(None) };
    for _ in 0..ENTRIES_MAX {
        let entry = stored::at(nats, JOURNAL, at).await.map_err(unavailable)?;
        let record = entry.and_then(|entry| Record::<B::Body>::parse(&entry.payload).ok());
        // A rebase is deliberate: what was decided before it shows nothing.
        let Some(record) = record.filter(|record| !matches!(record, Record::Rebase(_))) else {
            return Ok(None);
        };
        let Some(position) = record.decided_to().filter(|position| is_it(position)) else {
            return Ok(None);
        };
        // What a rebase passed over is skipped before the position moves.
        let inputs = facts::inputs(book, &record).into_iter().rev();
        let mut decided = inputs.filter(|input| input.sequence <= position.sequence);
        if let Some((sequence, subject)) =
            decided.find_map(|input| Some((input.sequence, input.subject?)))
        {
            return Ok(Some(Last { stream: position.stream.clone(), sequence, subject }));
        }
        if record.prev() == 0 {
            return Ok(None);
        }
        at = record.prev();
    }
    Ok(None)
}
