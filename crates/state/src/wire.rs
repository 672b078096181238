//! What records and effects do to streams and buckets, one step at a time.
//!
//! Every step is one request to the server, and a process may end between any two of them. Tests stop it
//! there by putting their own [`Wire`] around the real one.

use bytes::Bytes;
use messaging::publish::{self, Outgoing, Published};
use messaging::streams::identity::Identity;
use messaging::{Nats, stored, tail};
use std::future::Future;
use std::ops::ControlFlow;

/// Header of a mark that takes the place of a deleted value.
const OPERATION: &str = "KV-Operation";

/// A message that stands in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its sequence.
    pub sequence: u64,
    /// Where it was published.
    pub subject: String,
    /// What it holds; empty where only keys were asked for.
    pub payload: Bytes,
    /// Is it the mark of a deleted value?
    pub deleted: bool,
}

/// The server did not answer as it should: a write may have happened, now or later.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct Unclear {
    /// What was asked.
    pub what: String,
    /// What the client said.
    pub reason: String,
    /// Can trying again never help? The message is too large.
    pub permanent: bool,
}

impl Unclear {
    /// With what was asked, and what was said.
    #[must_use]
    pub fn new(what: impl Into<String>, reason: impl ToString) -> Self {
        Self { what: what.into(), reason: reason.to_string(), permanent: false }
    }
}

/// Where a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Which stream it is. With another one all that was read has to be read again.
    pub identity: Identity,
    /// Its last sequence, 0 if it never had a message.
    pub last: u64,
}

/// What takes messages that are read, until it breaks.
pub type Each<'a> = dyn FnMut(Message) -> ControlFlow<()> + Send + 'a;

/// Streams and buckets of one server. A bucket `B` is the stream `KV_B` with the subjects `$KV.B.>`.
pub trait Wire: Clone + Send + Sync + 'static {
    /// The last message of a subject, read from the stream's leader.
    fn last(
        &self,
        stream: &str,
        subject: &str,
    ) -> impl Future<Output = Result<Option<Message>, Unclear>> + Send;

    /// The message with a sequence, read from the stream's leader.
    fn at(
        &self,
        stream: &str,
        sequence: u64,
    ) -> impl Future<Output = Result<Option<Message>, Unclear>> + Send;

    /// Publishes a message if `expected` is the last sequence of its subject (0: nothing is there).
    fn put(
        &self,
        message: Outgoing,
        expected: u64,
    ) -> impl Future<Output = Result<Published, Unclear>> + Send;

    /// Removes the messages of a subject up to this sequence.
    fn remove(
        &self,
        stream: &str,
        subject: &str,
        to: u64,
    ) -> impl Future<Output = Result<(), Unclear>> + Send;

    /// Calls `each` with every message under `filter` from `from` on, in order, up to where the stream
    /// ends now; the result is where the next call goes on, less one. Without `bodies` the payloads are
    /// empty.
    fn read(
        &self,
        stream: &str,
        filter: &str,
        from: u64,
        bodies: bool,
        each: &mut (dyn FnMut(Message) + Send),
    ) -> impl Future<Output = Result<u64, Unclear>> + Send {
        async move {
            let mut each = |message| {
                each(message);
                ControlFlow::Continue(())
            };
            self.read_while(stream, filter, from, bodies, &mut each).await
        }
    }

    /// As [`Wire::read`], until `each` breaks.
    fn read_while(
        &self,
        stream: &str,
        filter: &str,
        from: u64,
        bodies: bool,
        each: &mut Each<'_>,
    ) -> impl Future<Output = Result<u64, Unclear>> + Send;

    /// Where a stream ends, by the word of its leader.
    fn end(&self, stream: &str) -> impl Future<Output = Result<End, Unclear>> + Send;

    /// A text that no other client makes.
    fn unique(&self) -> String;
}

impl Wire for Nats {
    async fn last(&self, stream: &str, subject: &str) -> Result<Option<Message>, Unclear> {
        let found = stored::last(self, stream, subject).await;
        found.map(|found| found.map(of_stored)).map_err(|error| Unclear::new(subject, error))
    }

    async fn at(&self, stream: &str, sequence: u64) -> Result<Option<Message>, Unclear> {
        let found = stored::at(self, stream, sequence).await;
        found.map(|found| found.map(of_stored)).map_err(|error| Unclear::new(stream, error))
    }

    async fn put(&self, message: Outgoing, expected: u64) -> Result<Published, Unclear> {
        let put = publish::one(self, &message, Some(expected)).await;
        put.map_err(|error| Unclear {
            permanent: error.is_permanent(),
            ..Unclear::new(message.subject, error)
        })
    }

    async fn remove(&self, stream: &str, subject: &str, to: u64) -> Result<(), Unclear> {
        let wrong = |reason: String| Unclear::new(subject, reason);
        let handle = self.js.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| wrong(error.to_string()))?;
        let removed = handle.purge().filter(subject).sequence(to.saturating_add(1)).await;
        removed.map(|_| ()).map_err(|error| wrong(error.to_string()))
    }

    async fn read_while(
        &self,
        stream: &str,
        filter: &str,
        from: u64,
        bodies: bool,
        each: &mut Each<'_>,
    ) -> Result<u64, Unclear> {
        let from = tail::From::Sequence(from);
        let read = tail::read_while(self, stream, filter, from, !bodies, |message| {
            // A message without its place cannot come from a stream.
            let Ok(info) = message.info() else { return ControlFlow::Continue(()) };
            let headers = message.headers.as_ref();
            each(Message {
                sequence: info.stream_sequence,
                subject: message.subject.to_string(),
                payload: message.payload.clone(),
                deleted: headers.is_some_and(|headers| headers.get(OPERATION).is_some()),
            })
        });
        read.await.map_err(|error| Unclear::new(filter, error))
    }

    async fn end(&self, stream: &str) -> Result<End, Unclear> {
        let found = self.js.get_stream(stream).await;
        let found = found.map_err(|error| Unclear::new(stream, error))?;
        let info = found.cached_info();
        Ok(End { identity: Identity::of(info), last: info.state.last_sequence })
    }

    fn unique(&self) -> String {
        Self::unique(self)
    }
}

fn of_stored(found: stored::Standing) -> Message {
    Message {
        deleted: found.header(OPERATION).is_some(),
        sequence: found.sequence,
        subject: found.subject,
        payload: found.payload,
    }
}
