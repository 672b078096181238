//! Dead letters of order-ingest: the orders of files that it did not accept.
//!
//! Each is read once and remembered by its order, so that many files can ask often.

use crate::failure::Failure;
use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use messaging::{Nats, header, stored, streams, subject, tail};
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use tokio::sync::Mutex;

/// The function that accepts orders.
const INGEST: &str = "order-ingest";
/// Most letters that are remembered; beyond that, those of the oldest orders are dropped and read again
/// when needed.
const LETTERS_MAX: usize = 200_000;

/// The letters read so far.
#[derive(Debug, Default)]
pub(crate) struct Letters(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The creation time of the stream of errors, and the sequence up to which it was read.
    created: i128,
    read_to: u64,
    /// By the sequence of the order.
    letters: BTreeMap<u64, Letter>,
    /// Letters of orders up to this sequence may have been dropped.
    forgotten_to: u64,
}

/// A dead letter about an order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Letter {
    /// Hash of the id of the order's event: a stream that is created again counts from 1.
    event: u64,
    /// Its sequence in the stream of errors.
    at: u64,
}

impl Letters {
    /// Reads the letters that are new since the last call.
    pub(crate) async fn refresh(&self, nats: &Nats) -> Result<(), Failure> {
        let mut known = self.0.lock().await;
        let stream = nats.js.get_stream(streams::ERRORS).await;
        let stream = stream.map_err(|error| Failure::Letters(error.to_string()))?;
        let created = stream.cached_info().created.unix_timestamp_nanos();
        if known.created != created {
            *known = Known { created, ..Known::default() };
        }
        let from = known.read_to + 1;
        let read_to = read(nats, from, |order, letter| known.note(order, letter)).await?;
        known.read_to = read_to;
        Ok(())
    }

    /// Why order-ingest did not accept the order of `event` (its id as a token) with this sequence on
    /// the subject `orders`, if there is a dead letter.
    pub(crate) async fn reason(
        &self,
        nats: &Nats,
        sequence: u64,
        event: &str,
    ) -> Result<Option<Reason>, Failure> {
        let (mut letter, forgotten_to) = {
            let known = self.0.lock().await;
            (known.letters.get(&sequence).copied(), known.forgotten_to)
        };
        if letter.is_none() && sequence <= forgotten_to {
            let each = |order, found| {
                if order == sequence {
                    letter = Some(found);
                }
            };
            read(nats, 1, each).await?;
        }
        let Some(letter) = letter.filter(|letter| letter.event == fingerprint(event)) else {
            return Ok(None);
        };
        let found = stored::at(nats, streams::ERRORS, letter.at).await?;
        let text = found.as_ref().and_then(|found| found.header(header::DEAD_ERROR));
        let text = text.unwrap_or_default().to_owned();
        Ok(Some(Reason { text, time_ms: found.map(|found| found.time_ms) }))
    }
}

/// The content of a letter.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) text: String,
    /// When it was written, milliseconds since 1970.
    pub(crate) time_ms: Option<i64>,
}

impl Known {
    fn note(&mut self, order: u64, letter: Letter) {
        self.letters.insert(order, letter);
        if LETTERS_MAX < self.letters.len()
            && let Some((oldest, _)) = self.letters.pop_first()
        {
            self.forgotten_to = self.forgotten_to.max(oldest);
        }
    }
}

/// Calls `each` with the sequence of the order of every letter from `from` on; returns the last
/// sequence read.
async fn read(nats: &Nats, from: u64, mut each: impl FnMut(u64, Letter)) -> Result<u64, Failure> {
    let filter = subject::dead_letters(INGEST);
    let each = |message: &Message| {
        let at = message.info().map_or(0, |info| info.stream_sequence);
        if let Some((order, event)) = message.headers.as_ref().and_then(about) {
            each(order, Letter { event, at });
        }
    };
    Ok(tail::read(nats, streams::ERRORS, &filter, from, true, each).await?)
}

/// Sequence and hash of the order of a file that a letter is about.
fn about(headers: &HeaderMap) -> Option<(u64, u64)> {
    let text = |name| headers.get(name).map(async_nats::HeaderValue::as_str);
    let is_order = text(header::DEAD_STREAM)? == streams::ORDERS;
    let sequence = text(header::DEAD_SEQUENCE)?.parse().ok().filter(|_| is_order)?;
    Some((sequence, fingerprint(text(header::EVENT)?)))
}

fn fingerprint(event: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_of_very_many_letters_are_remembered() {
        let mut known = Known::default();
        let letter = Letter { event: 1, at: 1 };
        for order in 1..=LETTERS_MAX as u64 + 2 {
            known.note(order, letter);
        }
        assert_eq!((known.letters.len(), known.forgotten_to), (LETTERS_MAX, 2));
    }

    #[test]
    fn a_letter_about_something_else_is_ignored() {
        let letter = |stream: &str, event: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::DEAD_STREAM, stream);
            headers.insert(header::DEAD_SEQUENCE, "7");
            if let Some(event) = event {
                headers.insert(header::EVENT, event);
            }
            about(&headers)
        };
        assert_eq!(letter("ORDERS", Some("e")), Some((7, fingerprint("e"))));
        assert_eq!(letter("FILES", Some("e")), None);
        assert_eq!(letter("ORDERS", None), None);
    }
}
