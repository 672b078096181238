//! Is the store that answers still the one that answered first?
//!
//! nats-server that comes back with another store (a wrong mount, a forgotten volume) takes everything
//! and knows nothing. Whoever does something that depends on it and cannot be taken back asks before,
//! and whether the connection is still the same afterwards.

use crate::Nats;
use chrono::DateTime;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a store that has not been seen yet is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// Another store answers, or none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody says when the stream was made.
    #[error("stream {stream}: {reason}")]
    Silent {
        /// Which stream.
        stream: String,
        /// What the client said.
        reason: String,
    },
    /// The connection was made anew meanwhile, and what answered in between may have been another
    /// store.
    #[error("connected anew while messages were stored")]
    Anew,
    /// It was made at another time than the one that was seen first.
    #[error(
        "stream {stream} was made at {found}, and the one that was seen first at {known}: another \
         store answers. If this one is right, start the process anew"
    )]
    Other {
        /// Which stream.
        stream: String,
        /// When the one that answers was made.
        found: String,
        /// When the first one was made.
        known: String,
    },
}

/// Knows one store by the time at which one of its streams was made.
#[derive(Debug)]
pub struct Store {
    nats: Nats,
    stream: &'static str,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    /// Nanoseconds since 1970.
    made: i128,
    /// Where that was said last.
    on: On,
}

/// One connection to one server process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct On {
    server: String,
    client: u64,
}

impl On {
    /// The one that is used now. A server that comes back is another one, and so may its store be.
    pub(crate) fn now(nats: &Nats) -> Self {
        let info = nats.client.server_info();
        Self { server: info.server_id, client: info.client_id }
    }
}

impl Store {
    /// The store that keeps `stream`; whichever answers first is taken for the true one.
    #[must_use]
    pub fn new(nats: Nats, stream: &'static str) -> Self {
        Self { nats, stream, seen: Mutex::default() }
    }

    /// Waits until the store was seen once. A process that first looks when it has something to do
    /// may look at a wrong one.
    pub async fn seen(&self) {
        while self.check().await.is_err() && self.lock().is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Is it the same as at first, and on which connection? The server is asked once for each.
    ///
    /// # Errors
    /// It is not, or nobody says so.
    pub async fn check(&self) -> Result<On, Fault> {
        let on = On::now(&self.nats);
        if self.lock().as_ref().is_some_and(|seen| seen.on == on) {
            return Ok(on);
        }
        let stream = self.stream;
        let silent = |reason: String| Fault::Silent { stream: stream.to_owned(), reason };
        let found = self.nats.js.get_stream(stream).await;
        let made = found.map_err(|error| silent(error.to_string()))?.cached_info().created;
        let made = made.unix_timestamp_nanos();
        let mut seen = self.lock();
        match seen.as_ref().map(|seen| seen.made) {
            Some(known) if known != made => Err(Fault::Other {
                stream: stream.to_owned(),
                found: text(made),
                known: text(known),
            }),
            _ => {
                *seen = Some(Seen { made, on: on.clone() });
                Ok(on)
            }
        }
    }

    /// Has the connection been the same since [`Store::check`]?
    ///
    /// # Errors
    /// It has not.
    pub fn still(&self, on: &On) -> Result<(), Fault> {
        if On::now(&self.nats) == *on { Ok(()) } else { Err(Fault::Anew) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(nanoseconds: i128) -> String {
    DateTime::from_timestamp_nanos(i64::try_from(nanoseconds).unwrap_or(i64::MAX)).to_rfc3339()
}
