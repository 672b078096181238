//! A process that dies between two of its steps.

use messaging::Nats;
use messaging::publish::{Outgoing, Published};
use state::wire::{Each, End, Message, Unclear, Wire};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All steps were taken, and one more was requested.
const OVER: usize = usize::MAX;

/// A process that dies after this many steps: nothing that it does afterwards reaches the server.
#[derive(Clone, Debug)]
pub struct Ends {
    nats: Nats,
    left: Arc<AtomicUsize>,
}

impl Ends {
    /// Dies after `steps` steps.
    #[must_use]
    pub fn after(nats: &Nats, steps: usize) -> Self {
        Self { nats: nats.clone(), left: Arc::new(AtomicUsize::new(steps)) }
    }

    /// Has it died?
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) == OVER
    }

    fn step(&self) -> Result<(), Unclear> {
        let take = |left: usize| Some(if left == OVER { OVER } else { left.wrapping_sub(1) });
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let may = left.is_ok_and(|left| left != 0 && left != OVER);
        may.then_some(()).ok_or_else(|| Unclear::new("test", "the process has ended"))
    }
}

impl Wire for Ends {
    async fn last(&self, stream: &str, subject: &str) -> Result<Option<Message>, Unclear> {
        self.step()?;
        self.nats.last(stream, subject).await
    }

    async fn at(&self, stream: &str, sequence: u64) -> Result<Option<Message>, Unclear> {
        self.step()?;
        self.nats.at(stream, sequence).await
    }

    async fn put(&self, message: Outgoing, expected: u64) -> Result<Published, Unclear> {
        self.step()?;
        self.nats.put(message, expected).await
    }

    async fn remove(&self, stream: &str, subject: &str, to: u64) -> Result<(), Unclear> {
        self.step()?;
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
        self.step()?;
        self.nats.read_while(stream, filter, from, bodies, each).await
    }

    async fn end(&self, stream: &str) -> Result<End, Unclear> {
        self.step()?;
        self.nats.end(stream).await
    }

    fn unique(&self) -> String {
        self.nats.unique()
    }
}
