//! A connection to a real server on which requests fail where a test wants it.

use messaging::Nats;
use messaging::publish::{Outgoing, Published};
use state::wire::{Each, End, Message, Unclear, Wire};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One request, as in [`Wire`].
#[derive(Debug)]
pub enum Step<'a> {
    /// The last message of a subject.
    Last,
    /// The message with a sequence.
    At,
    /// A message that is published.
    Put(&'a Outgoing),
    /// Messages that are removed.
    Remove,
    /// Messages that are read.
    Read {
        /// Under which subjects.
        filter: &'a str,
        /// From which sequence on.
        from: u64,
    },
    /// Where a stream ends.
    End,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered.
    None,
    /// It does not reach the server.
    Cut,
    /// A leader answers that has not read anything yet; as [`Fault::None`] where that makes no sense.
    Behind,
}

/// A connection on which `fault` decides what becomes of each request.
#[derive(Clone)]
pub struct Faults {
    nats: Nats,
    fault: Arc<dyn Fn(&Step<'_>) -> Fault + Send + Sync>,
    /// Messages that were read.
    read: Arc<AtomicUsize>,
}

impl Faults {
    /// Asks `fault` before each request.
    #[must_use]
    pub fn new(nats: &Nats, fault: impl Fn(&Step<'_>) -> Fault + Send + Sync + 'static) -> Self {
        Self { nats: nats.clone(), fault: Arc::new(fault), read: Arc::default() }
    }

    /// How many messages were read since this was asked last.
    #[must_use]
    pub fn read(&self) -> usize {
        self.read.swap(0, Ordering::SeqCst)
    }

    /// Does the leader know what it has?
    fn step(&self, step: &Step<'_>) -> Result<bool, Unclear> {
        match (self.fault)(step) {
            Fault::None => Ok(true),
            Fault::Behind => Ok(false),
            Fault::Cut => Err(Unclear::new("test", "the request was lost")),
        }
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Wire for Faults {
    async fn last(&self, stream: &str, subject: &str) -> Result<Option<Message>, Unclear> {
        self.step(&Step::Last)?;
        self.nats.last(stream, subject).await
    }

    async fn at(&self, stream: &str, sequence: u64) -> Result<Option<Message>, Unclear> {
        match self.step(&Step::At)? {
            true => self.nats.at(stream, sequence).await,
            false => Ok(None),
        }
    }

    async fn put(&self, message: Outgoing, expected: u64) -> Result<Published, Unclear> {
        self.step(&Step::Put(&message))?;
        self.nats.put(message, expected).await
    }

    async fn remove(&self, stream: &str, subject: &str, to: u64) -> Result<(), Unclear> {
        self.step(&Step::Remove)?;
        self.nats.remove(stream, subject, to).await
    }

    async fn read_while(
        &self,
        stream: &str,
        filter: &str,
        from: u64,
        bodies: bool,
        each: &mut Each<'_>,
    ) -> Result<u64, Unclear> {
        self.step(&Step::Read { filter, from })?;
        let mut each = |message| {
            self.read.fetch_add(1, Ordering::SeqCst);
            each(message)
        };
        self.nats.read_while(stream, filter, from, bodies, &mut each).await
    }

    async fn end(&self, stream: &str) -> Result<End, Unclear> {
        let is_whole = self.step(&Step::End)?;
        let end = self.nats.end(stream).await?;
        Ok(End { last: if is_whole { end.last } else { 0 }, ..end })
    }

    fn unique(&self) -> String {
        self.nats.unique()
    }
}
