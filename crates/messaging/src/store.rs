//! Is the store that answers still the one that answered first, and no older copy of it?
//!
//! nats-server that comes back with another store (a wrong mount, a forgotten volume, a restored
//! backup) takes everything and knows nothing, or not what came last. Before a part does something that
//! depends on the store and cannot be taken back, it asks, and afterwards whether the connection is
//! still the same.

use crate::streams::identity::Identity;
use crate::{Nats, stored};
use async_nats::jetstream::stream::Info;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a store that has not been seen yet is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// How often one that was seen is looked at again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a look at a store holds on the same connection. What is stored after a look cannot be
/// missed by it.
const HOLDS: Duration = Duration::from_secs(1);

/// What every fault ends with.
const NEXT: &str = "put the right store back; if this one is right, restart this process";

/// Another store answers, or none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing is known of the stream.
    #[error("stream {stream}: {reason}")]
    Silent {
        /// Which stream.
        stream: String,
        /// What the client said.
        reason: String,
    },
    /// The connection was lost and made again meanwhile, and what answered in between may have been
    /// another store.
    #[error("the connection was made again while messages were stored")]
    Anew,
    /// Its stream is not the one that was seen first.
    #[error("another store answers: stream {stream} is {found}, and was {known}; {NEXT}")]
    Other {
        /// Which stream.
        stream: String,
        /// The one that answers.
        found: String,
        /// The one that answered first.
        known: String,
    },
    /// It is the same stream, and lacks what this process has seen in it.
    #[error("an older copy of the store answers: stream {stream} {lacks}; {NEXT}")]
    Older {
        /// Which stream.
        stream: String,
        /// What it lacks.
        lacks: String,
    },
}

/// Knows one store by some of its streams: by their identities, and by the last messages that were seen
/// in them.
#[derive(Debug)]
pub struct Store {
    nats: Nats,
    streams: Vec<&'static str>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    /// In the order of [`Store::streams`].
    streams: Vec<(Identity, Last)>,
    /// Where that was said last, and when.
    on: On,
    at: Instant,
}

/// The last message that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    sequence: u64,
    /// When it was stored, milliseconds since 1970; nothing if only its sequence is known.
    time_ms: Option<i64>,
}

/// One connection to one server process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct On {
    server: String,
    client: u64,
}

impl On {
    /// The one that is used now. A server that comes back is another one, and so may its store be.
    #[must_use]
    pub fn now(nats: &Nats) -> Self {
        let info = nats.client.server_info();
        Self { server: info.server_id, client: info.client_id }
    }
}

impl Store {
    /// The store that keeps `stream`; whichever answers first is taken for the true one.
    #[must_use]
    pub fn new(nats: Nats, stream: &'static str) -> Self {
        Self { nats, streams: vec![stream], seen: Mutex::default() }
    }

    /// The store that keeps `streams`, looked at as soon as it answers and every two seconds afterwards. A
    /// process that looks only when it has something to do may look at a wrong one first, or know too little
    /// of the right one to tell it from an older copy.
    #[must_use]
    pub fn watch(nats: &Nats, streams: &[&'static str]) -> Arc<Self> {
        let (nats, streams) = (nats.clone(), streams.to_vec());
        let store = Arc::new(Self { nats, streams, seen: Mutex::default() });
        let seen = Arc::clone(&store);
        tokio::spawn(async move {
            seen.seen().await;
            loop {
                tokio::time::sleep(AGAIN).await;
                // A fault is told to those who ask.
                drop(seen.check().await);
            }
        });
        store
    }

    /// For readiness: is NATS connected, and is it no other store and no older copy that answers?
    ///
    /// # Errors
    /// What is wrong. Streams that are not there yet are not.
    pub async fn ready(&self) -> Result<(), String> {
        self.nats.ready().await?;
        match self.check().await {
            Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) => Err(fault.to_string()),
            Ok(_) | Err(Fault::Silent { .. } | Fault::Anew) => Ok(()),
        }
    }

    /// Waits until the store was seen once. A process that first looks when it has something to do
    /// may look at a wrong one.
    pub async fn seen(&self) {
        while self.check().await.is_err() && self.lock().is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Is it the same as at first, and on which connection? The server is asked at most once a second on
    /// each connection.
    ///
    /// # Errors
    /// It is not, or nothing is known of it.
    pub async fn check(&self) -> Result<On, Fault> {
        let on = On::now(&self.nats);
        let seen = self.lock().clone();
        if let Some(seen) = &seen
            && seen.on == on
            && seen.at.elapsed() < HOLDS
        {
            return Ok(on);
        }
        let at = Instant::now();
        let mut streams = Vec::with_capacity(self.streams.len());
        for (index, stream) in self.streams.iter().enumerate() {
            let found = self.nats.js.get_stream(*stream).await;
            let found = found.map_err(|error| silent(stream, error.to_string()))?;
            let info = found.cached_info();
            if let Some(seen) = &seen
                && let Some((identity, last)) = seen.streams.get(index)
            {
                let moved = seen.on != on;
                self.compare(stream, (identity, *last), info, moved).await?;
            }
            // Of an empty stream the time is that of no message.
            let time_ms = millis(info.state.last_timestamp.unix_timestamp_nanos());
            let sequence = info.state.last_sequence;
            let last = Last { sequence, time_ms: Some(time_ms).filter(|_| sequence > 0) };
            streams.push((Identity::of(info), last));
        }
        let mut now = self.lock();
        // What was stored meanwhile may be newer than what was read.
        if let (Some(before), Some((_, last))) = (now.as_ref(), streams.first_mut())
            && let Some((_, known)) = before.streams.first()
            && last.sequence < known.sequence
        {
            *last = *known;
        }
        *now = Some(Seen { streams, on: on.clone(), at });
        Ok(on)
    }

    /// Remembers a sequence of the first stream that the server has given to a message of this process.
    pub fn stored(&self, sequence: u64) {
        if let Some(seen) = self.lock().as_mut()
            && let Some((_, last)) = seen.streams.first_mut()
            && last.sequence < sequence
        {
            *last = Last { sequence, time_ms: None };
        }
    }

    /// Is the stream the one that was seen before, with all that was seen in it?
    async fn compare(
        &self,
        name: &str,
        (identity, last): (&Identity, Last),
        info: &Info,
        moved: bool,
    ) -> Result<(), Fault> {
        let (stream, found) = (name.to_owned(), Identity::of(info));
        // `setup` may have given it a name meanwhile.
        if !found.is(&identity.name) {
            let known = identity.name.clone();
            return Err(Fault::Other { stream, found: found.name, known });
        }
        let Last { sequence, time_ms } = last;
        let ends_at = info.state.last_sequence;
        if ends_at < sequence {
            let lacks = format!("ends at {ends_at}, and {sequence} was there");
            return Err(Fault::Older { stream, lacks });
        }
        // On the same connection it is the same server, which loses nothing.
        let Some(time_ms) = time_ms.filter(|_| moved) else { return Ok(()) };
        let message = stored::at(&self.nats, name, sequence).await;
        let message = message.map_err(|error| silent(name, error.to_string()))?;
        // One that is gone has expired, or was deleted.
        match message.filter(|message| message.time_ms != time_ms) {
            None => Ok(()),
            Some(_) => {
                let lacks = format!("has another message at {sequence} than was there");
                Err(Fault::Older { stream, lacks })
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

fn silent(stream: &str, reason: String) -> Fault {
    Fault::Silent { stream: stream.to_owned(), reason }
}

fn millis(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds / 1_000_000).unwrap_or_default()
}
