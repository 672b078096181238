//! Dead letters of order-ingest: the orders of files that it did not accept.
//!
//! Each is read once and remembered by its order, so that many files can ask often.

use crate::failure::Failure;
use crate::given::Given;
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
    letters: BTreeMap<Place, Letter>,
    /// Letters of orders up to this place may have been dropped.
    forgotten_to: Option<Place>,
}

/// Where a message on the subject `orders` was stored: was it in `INTAKE`, not before that in `ORDERS`, and its
/// sequence. Those of `INTAKE` are the newer ones.
type Place = (bool, u64);

fn place(stream: &str, sequence: u64) -> Option<Place> {
    let is_order = [streams::INTAKE, streams::ORDERS].contains(&stream);
    is_order.then_some((stream == streams::INTAKE, sequence))
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

    /// Why order-ingest did not accept an order, if there is a dead letter.
    pub(crate) async fn reason(
        &self,
        nats: &Nats,
        given: &Given,
    ) -> Result<Option<Reason>, Failure> {
        let Some(place) = place(given.stream, given.sequence) else { return Ok(None) };
        let (mut letter, forgotten_to) = {
            let known = self.0.lock().await;
            (known.letters.get(&place).copied(), known.forgotten_to)
        };
        if letter.is_none() && Some(place) <= forgotten_to {
            let each = |order, found| {
                if order == place {
                    letter = Some(found);
                }
            };
            read(nats, 1, each).await?;
        }
        let Some(letter) = letter.filter(|letter| letter.event == fingerprint(&given.event)) else {
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
    fn note(&mut self, order: Place, letter: Letter) {
        self.letters.insert(order, letter);
        if LETTERS_MAX < self.letters.len()
            && let Some((oldest, _)) = self.letters.pop_first()
        {
            self.forgotten_to = self.forgotten_to.max(Some(oldest));
        }
    }
}

/// Calls `each` with the place of the order of every letter from `from` on; returns the last
/// sequence read.
async fn read(nats: &Nats, from: u64, mut each: impl FnMut(Place, Letter)) -> Result<u64, Failure> {
    let filter = subject::dead_letters(INGEST);
    let each = |message: &Message| {
        let at = message.info().map_or(0, |info| info.stream_sequence);
        if let Some((order, event)) = message.headers.as_ref().and_then(about) {
            each(order, Letter { event, at });
        }
    };
    Ok(tail::read(nats, streams::ERRORS, &filter, from, true, each).await?)
}

/// Place and hash of the order of a file that a letter is about.
fn about(headers: &HeaderMap) -> Option<(Place, u64)> {
    let text = |name| headers.get(name).map(async_nats::HeaderValue::as_str);
    let sequence = text(header::DEAD_SEQUENCE)?.parse().ok()?;
    let place = place(text(header::DEAD_STREAM)?, sequence)?;
    Some((place, fingerprint(text(header::EVENT)?)))
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
            known.note((true, order), letter);
        }
        assert_eq!((known.letters.len(), known.forgotten_to), (LETTERS_MAX, Some((true, 2))));
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
        assert_eq!(letter("ORDERS", Some("e")), Some(((false, 7), fingerprint("e"))));
        assert_eq!(letter("INTAKE", Some("e")), Some(((true, 7), fingerprint("e"))));
        assert_eq!(letter("FILES", Some("e")), None);
        assert_eq!(letter("INTAKE", None), None);
    }
}
