//! Reading the sources, each in the order of its stream.

use super::event::{Event, Source};
use super::position::At;
use super::{Fold, Inner, shard};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::Info;
use futures_util::StreamExt as _;
use futures_util::future::{FutureExt as _, select_all};
use messaging::streams::identity::Identity;
use messaging::{Nats, stored, subject};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// After this time without a request the server removes the consumer.
const INACTIVE_MAX: Duration = Duration::from_secs(30);
/// How often the server says that it is there; one that is gone is noticed after twice as long.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long one request for messages lasts.
const EXPIRES: Duration = Duration::from_secs(30);
/// Messages of one request, and their bytes: a quarter of what nats-server keeps for a client. Half as many again
/// may be on the way, since the client asks for more when half of them came.
const BATCH_MAX: usize = 2_000;
const BATCH_BYTES_MAX: usize = 16 << 20;
/// What a message may have beside its payload and its headers, which have one limit: subject and reply.
const BESIDE_BYTES_MAX: usize = 64 << 10;
/// A stream of nats-server 2.9 with more subjects is read as a whole, and filtered here: that looks at each of them
/// when a consumer with a filter is made, for seconds in which the stream takes nothing.
const SUBJECTS_MAX: u64 = 10_000;
/// Before reading is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a stream may end before what was read of it: a new leader may not have read all that it has.
const SHORT_MAX: Duration = Duration::from_secs(3);

/// Why a reader came to its end.
pub(super) enum End {
    /// What there is, is not what was read: in words.
    Another(String),
    /// It goes on from where it is.
    Again(String),
}

impl<E: std::error::Error> From<E> for End {
    fn from(error: E) -> Self {
        Self::Again(error.to_string())
    }
}

/// Reads all sources until one of them is another stream; which, and why.
pub(super) async fn all<F: Fold>(inner: &Inner<F>) -> String {
    let sources = F::SOURCES.iter().enumerate();
    let readers = sources.map(|(index, source)| one(inner, index, source).boxed());
    select_all(readers).await.0
}

async fn one<F: Fold>(inner: &Inner<F>, index: usize, source: &Source) -> String {
    let Source { stream, filter, .. } = source;
    loop {
        match (Reader { inner, index, source, delivered: 0 }).read().await {
            End::Another(why) => return format!("stream {stream}: {why}"),
            End::Again(reason) => {
                tracing::warn!(fold = F::NAME, stream, filter, reason, "reading is tried again");
                sleep(AGAIN).await;
            }
        }
    }
}

/// How a stream is, as its leader says.
pub(super) async fn info(nats: &Nats, stream: &str) -> Result<Info, End> {
    let found = nats.js.get_stream(stream).await;
    let found = found.map_err(|error| End::Again(format!("stream {stream}: {error}")))?;
    Ok(found.cached_info().clone())
}

/// Is the stream still the one of which everything up to `at` was read?
///
/// # Errors
/// It is not, or nothing is known of it.
pub(super) async fn is_same(nats: &Nats, stream: &str, at: At, info: &Info) -> Result<(), End> {
    if let Some(last) = short_of(nats, stream, at.sequence, info.state.last_sequence).await? {
        let sequence = at.sequence;
        return Err(End::Another(format!("it ends at {last}, and {sequence} was there")));
    }
    if at.sequence == 0 {
        return Ok(());
    }
    // One that is gone has expired, or was removed.
    match stored::at(nats, stream, at.sequence).await? {
        Some(found) if found.time_ms != at.time_ms => {
            Err(End::Another(format!("it has another message at {} than was there", at.sequence)))
        }
        Some(_) | None => Ok(()),
    }
}

/// Does a stream end before `sequence`, and stay so? Where it ends then; `last` is where it seemed to end.
pub(super) async fn short_of(
    nats: &Nats,
    stream: &str,
    sequence: u64,
    mut last: u64,
) -> Result<Option<u64>, End> {
    let since = Instant::now();
    while last < sequence {
        if SHORT_MAX <= since.elapsed() {
            return Ok(Some(last));
        }
        sleep(AGAIN).await;
        last = info(nats, stream).await?.state.last_sequence;
    }
    Ok(None)
}

/// Bytes of one request. The server never sends a message that has more, and says so again and again.
fn batch_bytes(message_bytes_max: usize) -> usize {
    BATCH_BYTES_MAX.max(message_bytes_max.saturating_add(BESIDE_BYTES_MAX))
}

struct Reader<'a, F: Fold> {
    inner: &'a Inner<F>,
    index: usize,
    source: &'a Source,
    /// Messages that came from this consumer.
    delivered: u64,
}

impl<F: Fold> Reader<'_, F> {
    async fn read(mut self) -> End {
        let Err(end) = self.run().await else { return End::Again("the consumer ended".into()) };
        end
    }

    async fn run(&mut self) -> Result<(), End> {
        let (inner, index, stream) = (self.inner, self.index, self.source.stream);
        let at = inner.at(index);
        let is_whole = !inner.nats.client.is_server_compatible(2, 10, 0)
            && SUBJECTS_MAX < info(&inner.nats, stream).await?.state.subjects_count;
        let consumer = self.consumer(at.sequence + 1, is_whole).await?;
        // Looked at after the consumer was made: a consumer never outlives its stream.
        let info = info(&inner.nats, stream).await?;
        self.check(&info)?;
        is_same(&inner.nats, stream, at, &info).await?;
        inner.change(index, |reached| reached.is_whole = is_whole);
        if consumer.cached_info().num_pending == 0 {
            self.saw_end(at.sequence).await?;
        }
        let mut messages = consumer
            .stream()
            .max_messages_per_batch(BATCH_MAX)
            .max_bytes_per_batch(batch_bytes(inner.nats.message_bytes_max()))
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages()
            .await?;
        while let Some(message) = messages.next().await {
            let (sequence, pending) = self.take(&message?)?;
            let is_complete = inner.reached().get(index).is_some_and(|it| it.is_complete);
            if !is_complete {
                let end = inner.reached().get(index).map_or(0, |it| it.end);
                if pending == 0 || end <= sequence {
                    self.saw_end(sequence).await?;
                }
            }
        }
        Ok(())
    }

    /// The stream has the identity with which reading began.
    fn check(&self, info: &Info) -> Result<(), End> {
        let found = Identity::of(info);
        let mut reached = self.inner.reached();
        let Some(reached) = reached.get_mut(self.index) else { return Ok(()) };
        reached.kept_from = info.state.first_sequence;
        match &reached.identity {
            Some(known) if !found.is(&known.name) => {
                let (found, known) = (&found.name, &known.name);
                Err(End::Another(format!("it is {found}, and was {known}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn consumer(
        &self,
        start_sequence: u64,
        is_whole: bool,
    ) -> Result<Consumer<pull::Config>, End> {
        let config = pull::Config {
            description: Some(format!("fold {}", F::NAME)),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            filter_subject: if is_whole { String::new() } else { self.source.filter.into() },
            headers_only: self.source.headers_only,
            inactive_threshold: INACTIVE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..Default::default()
        };
        Ok(self.inner.nats.js.create_consumer_on_stream(config, self.source.stream).await?)
    }

    /// Applies one message: its sequence, and how many come behind it.
    fn take(&mut self, message: &Message) -> Result<(u64, u64), End> {
        let info = message.info().map_err(|error| End::Again(error.to_string()))?;
        let (inner, index) = (self.inner, self.index);
        let before = inner.at(index).sequence;
        // Whatever is missing or comes twice on the way: reading goes on behind what is applied.
        if info.consumer_sequence != self.delivered + 1 || info.stream_sequence <= before {
            let (got, before) = (info.consumer_sequence, self.delivered);
            return Err(End::Again(format!("message {got} came after message {before}")));
        }
        self.delivered += 1;
        let time_ms = info.published.unix_timestamp_nanos() / 1_000_000;
        let time_ms = i64::try_from(time_ms).unwrap_or_default();
        let at = At { sequence: info.stream_sequence, time_ms };
        let kept_from = inner.reached().get(index).map_or(0, |reached| reached.kept_from);
        if subject::matches(self.source.filter, &message.subject) {
            self.apply(&Event {
                source: index,
                sequence: at.sequence,
                time_ms,
                subject: &message.subject,
                headers: message.headers.as_ref(),
                payload: &message.payload,
                kept_from,
            });
        }
        inner.change(index, |reached| reached.at = at);
        Ok((at.sequence, info.pending))
    }

    /// Applies an event to its shard, unless the shard's checkpoint holds it already.
    fn apply(&self, event: &Event<'_>) {
        let inner = self.inner;
        let panicked = |_| Err("the function panicked; see its log".to_owned());
        let key = catch_unwind(AssertUnwindSafe(|| inner.fold.key(event)));
        let (key, unreadable) = match key.unwrap_or_else(panicked) {
            Ok(None) => return,
            Ok(Some(key)) => (key, None),
            Err(reason) => (event.subject.into(), Some(reason)),
        };
        let mut shard = inner.shard_mut(shard::of_key(&key, F::SHARDS));
        let Some(applied) = shard.applied.get_mut(self.index) else { return };
        if event.sequence <= applied.sequence {
            return;
        }
        *applied = At { sequence: event.sequence, time_ms: event.time_ms };
        let state = &mut shard.state;
        let counted = match unreadable {
            Some(reason) => Err(reason),
            None => catch_unwind(AssertUnwindSafe(|| inner.fold.apply(state, event)))
                .unwrap_or_else(|_| Err("the function panicked; see its log".to_owned())),
        };
        let Err(reason) = counted else {
            inner.metrics.events.inc();
            return;
        };
        inner.metrics.refused.inc();
        let (stream, sequence, subject) = (self.source.stream, event.sequence, event.subject);
        if shard.refused.add(stream, event, &reason) {
            tracing::error!(
                alert = "fold_refused",
                fold = F::NAME,
                stream,
                sequence,
                subject,
                reason,
                "an event does not count"
            );
        }
    }

    /// The server that reads has no more behind `at`. Does the leader say so too, of all that there was when
    /// reading began?
    async fn saw_end(&self, at: u64) -> Result<(), End> {
        let (inner, Source { stream, filter, .. }) = (self.inner, self.source);
        let end = inner.reached().get(self.index).map_or(0, |reached| reached.end);
        if at < end {
            let next = stored::first(&inner.nats, stream, filter, at + 1).await?;
            if next.is_some_and(|next| next.sequence <= end) {
                return Ok(());
            }
        }
        inner.change(self.index, |reached| reached.is_complete = true);
        Ok(())
    }
}
