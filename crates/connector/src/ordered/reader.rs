//! Reads a stream under one filter, in order and without gaps, ahead of the calls.

use super::gaps::{self, Gaps};
use crate::annotations::Subscription;
use crate::event::{self, Stored};
use crate::shared::Shared;
use crate::unordered::{fetch, stored_at};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use messaging::streams::identity::Identity;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// The server removes the consumer after this time without a request.
const INACTIVE_MAX: Duration = Duration::from_secs(30);
/// Batches read ahead, in addition to the one in the current call.
const AHEAD: usize = 1;

/// How often the consumer is queried while a batch waits for its call, so that the server keeps it.
const LOOK: Duration = Duration::from_secs(5);
/// How long messages may be pending without one arriving.
const STILL_MAX: Duration = Duration::from_secs(15);

/// A message of the input.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) sequence: u64,
    pub(crate) json: Vec<u8>,
}

/// A running reader; dropping it ends it.
///
/// It never continues after anything unexpected: it ends, and a new reader starts from the function's
/// position.
#[derive(Debug)]
pub(crate) struct Reader {
    chunks: mpsc::Receiver<Result<Vec<Input>, String>>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Reads everything after sequence `after` of the stream with this identity.
    pub(crate) fn start(
        shared: &Shared,
        subscription: &Subscription,
        identity: &Identity,
        after: u64,
        looked: Arc<AtomicU64>,
    ) -> Self {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let (shared, subscription) = (shared.clone(), subscription.clone());
        let identity = identity.clone();
        let task = tokio::spawn(async move {
            let failed = read(shared, &subscription, &identity, after, looked, &sender).await;
            if let Err(reason) = failed {
                // The lane may have ended already.
                drop(sender.send(Err(reason)).await);
            }
        });
        Self { chunks, task }
    }

    /// The next messages; an error when the reader has ended.
    pub(crate) async fn next(&mut self) -> Result<Vec<Input>, String> {
        self.chunks.recv().await.unwrap_or_else(|| Err("the reader ended".into()))
    }

    /// Messages that are ready now.
    pub(crate) fn ready(&mut self) -> Option<Result<Vec<Input>, String>> {
        self.chunks.try_recv().ok()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    shared: Shared,
    subscription: &Subscription,
    identity: &Identity,
    after: u64,
    looked: Arc<AtomicU64>,
    chunks: &mpsc::Sender<Result<Vec<Input>, String>>,
) -> Result<(), String> {
    let consumer = open(&shared, subscription, identity, after).await?;
    let chain = Chain { stream: &subscription.stream, previous: after, delivered: 0 };
    let (gaps, still) = (Gaps::default(), None);
    let mut source =
        Source { shared, subscription, identity, consumer, chain, looked, gaps, still };
    loop {
        let inputs = source.next().await?;
        if inputs.is_empty() {
            continue;
        }
        let given = chunks.send(Ok(inputs));
        tokio::pin!(given);
        let given = loop {
            match timeout(LOOK, &mut given).await {
                Ok(given) => break given,
                Err(_elapsed) => source.look().await,
            }
        };
        if given.is_err() {
            return Ok(());
        }
    }
}

/// The consumer that the reader fetches from, and the checks on it.
struct Source<'a> {
    shared: Shared,
    subscription: &'a Subscription,
    identity: &'a Identity,
    consumer: Consumer<pull::Config>,
    chain: Chain<'a>,
    /// The lane has checked that nothing is missing up to this sequence.
    looked: Arc<AtomicU64>,
    gaps: Gaps,
    /// Since when messages are pending and none arrives.
    still: Option<Instant>,
}

impl Source<'_> {
    /// The next messages; empty if none came.
    async fn next(&mut self) -> Result<Vec<Input>, String> {
        let Subscription { batch, .. } = self.subscription;
        let fetched = fetch(&self.shared.nats, &self.consumer, self.subscription, *batch).await;
        let messages = fetched.map_err(|failure| failure.to_string())?;
        let Some(last) = messages.last() else {
            self.nothing().await?;
            return Ok(Vec::new());
        };
        self.still = None;
        let last = last.info().map_err(|error| error.to_string())?;
        self.check(last.stream_sequence).await?;
        messages.iter().map(|message| self.chain.next(message)).collect()
    }

    /// Is anything gone between the last message given out and `last`, which was just read?
    async fn check(&mut self, last: u64) -> Result<(), String> {
        let (nats, subscription) = (&self.shared.nats, self.subscription);
        let stream = gaps::stream(nats, subscription).await?;
        let after = self.chain.previous.max(self.looked.load(Ordering::Relaxed));
        match self.gaps.find(nats, subscription, &stream, (after, last)).await? {
            None => Ok(()),
            Some(gaps::Gone { from, to }) => Err(format!("messages {from} to {to} are gone")),
        }
    }

    /// A fetch found nothing. Fails if messages were lost or the consumer has stalled.
    async fn nothing(&mut self) -> Result<(), String> {
        let info = self.consumer.info().await.map_err(|error| error.to_string())?;
        // Compare the counts: a lost message at the very end would otherwise go unnoticed.
        let (delivered, received) = (info.delivered.consumer_sequence, self.chain.delivered);
        if delivered != received {
            return Err(format!("{delivered} messages sent, {received} received"));
        }
        self.still = (0 < info.num_pending).then(|| self.still.unwrap_or_else(Instant::now));
        if self.still.is_some_and(|since| STILL_MAX <= since.elapsed()) {
            let Subscription { function, filter, .. } = self.subscription;
            tracing::error!(
                alert = "stalled",
                function,
                filter,
                "messages wait, but none is delivered"
            );
            return Err(format!("{} messages are pending, but none comes", info.num_pending));
        }
        Ok(())
    }

    /// Queries the consumer while a batch waits for its call.
    async fn look(&mut self) {
        if self.consumer.info().await.is_ok() {
            return;
        }
        // The server removed it because no request came for too long.
        let after = self.chain.previous;
        if let Ok(anew) = open(&self.shared, self.subscription, self.identity, after).await {
            (self.consumer, self.chain.delivered) = (anew, 0);
        }
    }
}

/// Creates a consumer of the messages after `after`, in the stream with this identity and no other.
async fn open(
    shared: &Shared,
    subscription: &Subscription,
    identity: &Identity,
    after: u64,
) -> Result<Consumer<pull::Config>, String> {
    let consumer = consumer(shared, subscription, after).await?;
    // The identity is checked after the consumer was created: a consumer never outlives its stream.
    let stream = shared.nats.js.get_stream(&subscription.stream).await;
    let info = stream.map_err(|error| error.to_string())?;
    if Identity::of(info.cached_info()) != *identity {
        return Err("the stream was replaced by another one".into());
    }
    Ok(consumer)
}

async fn consumer(
    shared: &Shared,
    subscription: &Subscription,
    after: u64,
) -> Result<Consumer<pull::Config>, String> {
    let config = pull::Config {
        description: Some(format!("ordered calls of {}", subscription.function)),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
        ack_policy: AckPolicy::None,
        filter_subject: subscription.filter.clone(),
        inactive_threshold: INACTIVE_MAX,
        memory_storage: true,
        num_replicas: 1,
        ..Default::default()
    };
    let made = shared.nats.js.create_consumer_on_stream(config, &subscription.stream).await;
    made.map_err(|error| error.to_string())
}

/// The messages read so far, as a chain without gaps.
struct Chain<'a> {
    stream: &'a str,
    previous: u64,
    delivered: u64,
}

impl Chain<'_> {
    fn next(&mut self, message: &Message) -> Result<Input, String> {
        let info = message.info().map_err(|error| error.to_string())?;
        if info.consumer_sequence != self.delivered + 1 || info.stream_sequence <= self.previous {
            let (got, before) = (info.consumer_sequence, self.delivered);
            return Err(format!("message {got} came after message {before}"));
        }
        let encoded = event::encode(&Stored {
            stream: self.stream,
            sequence: info.stream_sequence,
            previous: Some(self.previous),
            subject: &message.subject,
            time: &stored_at(info.published.unix_timestamp_nanos()),
            headers: message.headers.as_ref(),
            payload: &message.payload,
        });
        self.delivered = info.consumer_sequence;
        self.previous = info.stream_sequence;
        Ok(Input { sequence: info.stream_sequence, json: encoded.json })
    }
}
