//! Reading entries without writing: for checks and for people.

use super::chain::{Kind, Marks};
use super::nats_log::{of_consumer, of_standing};
use super::snapshots::Snapshots;
use super::{LogError, Message, Record, Unreadable};
use messaging::{Nats, stored, streams, tail};
use serde::de::{DeserializeOwned, IgnoredAny};

/// Tells entries from other messages, as writers do.
#[derive(Debug)]
struct Reader {
    last: u64,
    marks: Marks,
}

impl Reader {
    /// Nothing if the message is no entry.
    fn read<B: DeserializeOwned>(
        &mut self,
        message: Message<'_>,
    ) -> Option<Result<Record<B>, Unreadable>> {
        match self.marks.kind(message) {
            Kind::Foreign(_) => None,
            Kind::Entry(record) if record.prev() < self.last => None,
            Kind::Entry(record) => {
                self.marks.note(message.marked, record.at());
                self.last = message.sequence;
                Some(Ok(record))
            }
            Kind::Unknown(error) => Some(Err(error)),
        }
    }
}

/// Gives the entries of the journal on `subject` behind entry `after` to `each`, with their
/// sequences. What is no entry is left out, as writers pass it over.
///
/// # Errors
/// The server does not answer.
pub async fn entries<B: DeserializeOwned>(
    nats: &Nats,
    subject: &str,
    after: u64,
    each: impl FnMut(u64, Result<Record<B>, Unreadable>),
) -> Result<(), LogError> {
    read(nats, subject, after, after, each).await
}

async fn read<B: DeserializeOwned>(
    nats: &Nats,
    subject: &str,
    after: u64,
    last: u64,
    mut each: impl FnMut(u64, Result<Record<B>, Unreadable>),
) -> Result<(), LogError> {
    let marks = Snapshots::new(nats.clone(), subject).marks().await?;
    let mut reader = Reader { last, marks };
    let read = tail::read(nats, streams::JOURNAL, subject, after + 1, false, |message| {
        if let Some(message) = of_consumer(message)
            && let Some(record) = reader.read(message)
        {
            each(message.sequence, record);
        }
    });
    read.await.map(drop).map_err(|error| LogError(error.to_string()))
}

/// The last entry of the journal on `subject`, and its sequence; nothing if there is none.
///
/// # Errors
/// The server does not answer, or the entry is of an unknown kind.
pub async fn last(
    nats: &Nats,
    subject: &str,
) -> Result<Option<(u64, Record<IgnoredAny>)>, LogError> {
    let unavailable = |error: stored::LookupError| LogError(error.to_string());
    let Some(last) = stored::last(nats, streams::JOURNAL, subject).await.map_err(unavailable)?
    else {
        return Ok(None);
    };
    if of_standing(&last).marked {
        let record = Record::parse(&last.payload);
        return record
            .map(|record| Some((last.sequence, record)))
            .map_err(|error| LogError(format!("{subject}: entry {}: {error}", last.sequence)));
    }
    // It may be no entry. The newest snapshot ends with one.
    let (_, head) = Snapshots::new(nats.clone(), subject).head().await?;
    let from = head.map_or(0, |head| head.current.sequence.saturating_sub(1));
    let mut found = None;
    // What the first of them follows is not known: other journals are in the same stream.
    let each = |sequence, record| found = Some((sequence, record));
    read(nats, subject, from, 0, each).await?;
    match found {
        Some((sequence, Ok(record))) => Ok(Some((sequence, record))),
        Some((sequence, Err(error))) => {
            Err(LogError(format!("{subject}: entry {sequence}: {error}")))
        }
        None => Ok(None),
    }
}
