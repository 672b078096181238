//! Reading the sources, each in the order of its stream.

use super::event::{Event, Reading, Unread};
use super::position::At;
use super::together::Together;
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
/// After so many messages whose headers said it all, payloads are not asked for any more.
const WITHOUT_MAX: usize = 2_000;
/// Before reading is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a stream may end before what was read of it: a new leader may not have read all that it has.
const SHORT_MAX: Duration = Duration::from_secs(3);

/// What is recorded of an event at which the function panicked.
const PANICKED: &str = "the function panicked; see its log";

/// Why a reader came to its end.
pub(super) enum End {
    /// What there is, is not what was read: in words.
    Another(String),
    /// It goes on from where it is.
    Again(String),
}

/// Why a consumer is read no further.
enum Stop {
    End(End),
    /// Another one takes its place, with payloads or without.
    Payloads(bool),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl<E: std::error::Error> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::End(error.into())
    }
}

impl<E: std::error::Error> From<E> for End {
    fn from(error: E) -> Self {
        Self::Again(error.to_string())
    }
}

/// Reads all sources until one of them is another stream; which, and why.
pub(super) async fn all<F: Fold>(inner: &Inner<F>) -> String {
    let together = Together::all(F::SOURCES);
    let readers = together.iter().map(|together| one(inner, together).boxed());
    select_all(readers).await.0
}

async fn one<F: Fold>(inner: &Inner<F>, together: &Together) -> String {
    let stream = together.stream;
    let mut payloads = !together.headers_only;
    loop {
        let reader = Reader { inner, together, payloads, delivered: 0, last: 0, without: 0 };
        match reader.read().await {
            Stop::End(End::Another(why)) => return format!("stream {stream}: {why}"),
            Stop::Payloads(wanted) => payloads = wanted,
            Stop::End(End::Again(reason)) => {
                tracing::warn!(fold = F::NAME, stream, reason, "reading is tried again");
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
    together: &'a Together,
    /// Do messages come with their payloads?
    payloads: bool,
    /// Messages that came from this consumer, and the sequence of the last one in the stream.
    delivered: u64,
    last: u64,
    /// Messages in a row whose headers said it all.
    without: usize,
}

impl<F: Fold> Reader<'_, F> {
    async fn read(mut self) -> Stop {
        let Err(end) = self.run().await else {
            return End::Again("the consumer ended".into()).into();
        };
        end
    }

    async fn run(&mut self) -> Result<(), Stop> {
        let (inner, stream) = (self.inner, self.together.stream);
        let positions: Vec<(usize, At)> =
            self.together.sources.iter().map(|index| (*index, inner.at(*index))).collect();
        let from = positions.iter().map(|(_, at)| at.sequence).min().unwrap_or_default();
        let before = info(&inner.nats, stream).await?;
        let is_large = !inner.nats.client.is_server_compatible(2, 10, 0)
            && SUBJECTS_MAX < before.state.subjects_count;
        let filter = self.together.filter(&before).filter(|_| !is_large);
        let consumer = self.consumer(from + 1, filter).await?;
        // Looked at after the consumer was made: a consumer never outlives its stream.
        let info = info(&inner.nats, stream).await?;
        self.check(&info)?;
        for (index, at) in &positions {
            is_same(&inner.nats, stream, *at, &info).await?;
            inner.change(*index, |reached| reached.is_whole = filter.is_none());
            if consumer.cached_info().num_pending == 0 {
                self.saw_end(*index, at.sequence).await?;
            }
        }
        self.last = from;
        let mut messages = consumer
            .stream()
            .max_messages_per_batch(BATCH_MAX)
            .max_bytes_per_batch(batch_bytes(inner.nats.message_bytes_max()))
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages()
            .await?;
        while let Some(message) = messages.next().await {
            let pending = self.take(&message?)?;
            for index in &self.together.sources {
                let (is_complete, end) = inner.with(*index, |it| (it.is_complete, it.end));
                if !is_complete && (pending == 0 || end <= self.last) {
                    self.saw_end(*index, self.last).await?;
                }
            }
            if self.together.headers_only && self.payloads && WITHOUT_MAX <= self.without {
                return Err(Stop::Payloads(false));
            }
        }
        Ok(())
    }

    /// The stream has the identity with which reading began.
    fn check(&self, info: &Info) -> Result<(), Stop> {
        let found = Identity::of(info);
        for index in &self.together.sources {
            let is_other = |name: &String| !found.is(name);
            let known = self.inner.with(*index, |reached| {
                reached.kept_from = info.state.first_sequence;
                reached.identity.as_ref().map(|identity| identity.name.clone())
            });
            if let Some(known) = known.filter(is_other) {
                let found = &found.name;
                return Err(End::Another(format!("it is {found}, and was {known}")).into());
            }
        }
        Ok(())
    }

    async fn consumer(
        &self,
        start_sequence: u64,
        filter: Option<&str>,
    ) -> Result<Consumer<pull::Config>, Stop> {
        let config = pull::Config {
            description: Some(format!("fold {}", F::NAME)),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            filter_subject: filter.unwrap_or_default().to_owned(),
            headers_only: !self.payloads,
            inactive_threshold: INACTIVE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..Default::default()
        };
        Ok(self.inner.nats.js.create_consumer_on_stream(config, self.together.stream).await?)
    }

    /// Applies one message: how many come behind it.
    fn take(&mut self, message: &Message) -> Result<u64, Stop> {
        let info = message.info().map_err(|error| End::Again(error.to_string()))?;
        // Whatever is missing or comes twice on the way: reading goes on behind what is applied.
        if info.consumer_sequence != self.delivered + 1 || info.stream_sequence <= self.last {
            let (got, before) = (info.consumer_sequence, self.delivered);
            return Err(End::Again(format!("message {got} came after message {before}")).into());
        }
        let time_ms = info.published.unix_timestamp_nanos() / 1_000_000;
        let time_ms = i64::try_from(time_ms).unwrap_or_default();
        let at = At { sequence: info.stream_sequence, time_ms };
        for index in &self.together.sources {
            let source = F::SOURCES.get(*index).expect("they are places of sources");
            let (before, kept_from) = self.inner.with(*index, |it| (it.at.sequence, it.kept_from));
            if before < at.sequence && subject::matches(source.filter, &message.subject) {
                self.event(&Event {
                    source: *index,
                    sequence: at.sequence,
                    time_ms,
                    subject: &message.subject,
                    headers: message.headers.as_ref(),
                    payload: self.payloads.then_some(&message.payload),
                    kept_from,
                })?;
            }
        }
        (self.delivered, self.last) = (info.consumer_sequence, at.sequence);
        self.inner.reach(&self.together.sources, at);
        Ok(info.pending)
    }

    /// Reads an event and applies it. Where headers are enough for most, they are looked at alone first.
    fn event(&mut self, event: &Event<'_>) -> Result<(), Stop> {
        let headers_only = self.together.headers_only;
        let payload = event.payload.filter(|_| !headers_only);
        match self.said(&Event { payload, ..*event }) {
            Err(Unread::NeedsPayload) if event.payload.is_none() => Err(Stop::Payloads(true)),
            Err(Unread::NeedsPayload) => {
                self.without = 0;
                self.apply(event, self.said(event));
                Ok(())
            }
            said => {
                self.without += 1;
                self.apply(event, said);
                Ok(())
            }
        }
    }

    fn said<'e>(&self, event: &Event<'e>) -> Reading<'e, F::Said> {
        let said = catch_unwind(AssertUnwindSafe(|| self.inner.fold.read(event)));
        said.unwrap_or_else(|_| Err(PANICKED.into()))
    }

    /// Applies what an event says to its shard, unless the shard's checkpoint holds it already.
    fn apply(&self, event: &Event<'_>, said: Reading<'_, F::Said>) {
        let inner = self.inner;
        let (key, said) = match said {
            Ok(None) => return,
            Ok(Some((key, said))) => (key, Ok(said)),
            Err(Unread::Wrong(reason)) => (event.subject.into(), Err(reason)),
            Err(Unread::NeedsPayload) => (event.subject.into(), Err("it has no payload".into())),
        };
        let mut shard = inner.shard_mut(shard::of_key(&key, F::SHARDS));
        let Some(applied) = shard.applied.get_mut(event.source) else { return };
        if event.sequence <= applied.sequence {
            return;
        }
        *applied = At { sequence: event.sequence, time_ms: event.time_ms };
        if shard.recent.is_again(event) {
            inner.metrics.again.inc();
            return;
        }
        let state = &mut shard.state;
        let counted = said.and_then(|said| {
            catch_unwind(AssertUnwindSafe(|| inner.fold.apply(state, event, said)))
                .unwrap_or_else(|_| Err(PANICKED.into()))
        });
        let Err(reason) = counted else {
            inner.metrics.events.inc();
            return;
        };
        inner.metrics.refused.inc();
        let (stream, sequence, subject) = (self.together.stream, event.sequence, event.subject);
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

    /// The server that reads has no more of a source behind `at`. Does the leader say so too, of all that there was
    /// when reading began?
    async fn saw_end(&self, index: usize, at: u64) -> Result<(), Stop> {
        let (inner, stream) = (self.inner, self.together.stream);
        let end = inner.with(index, |reached| reached.end);
        if at < end {
            let filter = F::SOURCES.get(index).map_or(">", |source| source.filter);
            let next = stored::first(&inner.nats, stream, filter, at + 1).await?;
            if next.is_some_and(|next| next.sequence <= end) {
                return Ok(());
            }
        }
        inner.change(index, |reached| reached.is_complete = true);
        Ok(())
    }
}
