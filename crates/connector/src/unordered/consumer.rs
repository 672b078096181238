//! The durable consumer of a subscription, and fetching from it.

use super::request::{Failure, Pull, ask};
use super::watch::{DELAYED_MAX, Place};
use crate::annotations::{Deliver, Subscription, durable_name};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::Info;
use messaging::backlog::settled;
use messaging::streams::identity::Identity;
use messaging::{Nats, subject};
use std::time::Duration;
use tokio::time::sleep;

/// How long the server holds a request for a first message.
const POLL: Duration = Duration::from_millis(500);
/// How long the server waits for an acknowledgement or a progress report before it delivers a message
/// again. So long the messages of a killed connector are missing. A call may take longer; progress is
/// reported every third of this time.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(15);
/// Subject, headers and reply subject of a message count as well.
const MESSAGE_BYTES_EXTRA: usize = 64 * 1024;

/// A consumer, and its position.
pub(crate) struct Ensured {
    pub(crate) consumer: Pull,
    pub(crate) place: Place,
    /// It was created now, because the consumer or its stream was gone.
    pub(crate) made: bool,
}

/// Creates the consumer, or updates its settings without moving its position. If `before` is known, a
/// new consumer continues from there.
pub(crate) async fn ensure(
    nats: &Nats,
    subscription: &Subscription,
    deliver: Deliver,
    max_inflight: usize,
    before: Option<&Place>,
) -> Result<Ensured, String> {
    let name = durable_name(&subscription.function, &subscription.filter);
    let stream = nats.js.get_stream(&subscription.stream).await.map_err(|e| e.to_string())?;
    let identity = Identity::of(stream.cached_info());
    let known = match stream.consumer_info(&name).await {
        Ok(info) => Some(info.config.deliver_policy),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => None,
        Err(error) => return Err(error.to_string()),
    };
    if known.is_some() && !keeps(stream.cached_info(), &subscription.filter) {
        // nats-server 2.9 changes no consumer whose messages come no more, and gives them out.
        let consumer = stream.get_consumer(&name).await.map_err(|error| error.to_string())?;
        let settled = settled(consumer.cached_info());
        return Ok(Ensured { consumer, place: Place { identity, settled }, made: false });
    }
    let made = known.is_none();
    let deliver_policy = match (known, before) {
        // The start cannot be changed later, and no longer matters.
        (Some(policy), _) => policy,
        (None, Some(before)) if before.is_of(&identity) => {
            DeliverPolicy::ByStartSequence { start_sequence: before.settled + 1 }
        }
        // The stream is a new one, so all its messages are newer than the subscription.
        (None, Some(_)) => DeliverPolicy::All,
        (None, None) => start(deliver)?,
    };
    let batch = subscription.batch.saturating_mul(max_inflight);
    let max_ack_pending = i64::try_from(batch.saturating_add(DELAYED_MAX)).unwrap_or(i64::MAX);
    let config = pull::Config {
        durable_name: Some(name),
        description: Some(format!("calls of {}", subscription.function)),
        deliver_policy,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending,
        filter_subject: subscription.filter.clone(),
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.map_err(|error| error.to_string())?;
    let known = before.filter(|before| before.is_of(&identity)).map_or(0, |it| it.settled);
    let settled = settled(consumer.cached_info()).max(known);
    Ok(Ensured { consumer, place: Place { identity, settled }, made })
}

/// Does the stream get messages under `filter`?
pub(crate) fn keeps(stream: &Info, filter: &str) -> bool {
    let subjects = &stream.config.subjects;
    subjects.iter().any(|kept| subject::matches(kept, filter) || subject::matches(filter, kept))
}

fn start(deliver: Deliver) -> Result<DeliverPolicy, String> {
    let age = match deliver {
        Deliver::All => return Ok(DeliverPolicy::All),
        Deliver::New => return Ok(DeliverPolicy::New),
        Deliver::Since(age) => age,
    };
    let nanos = async_nats::datetime::now().unix_timestamp_nanos();
    let age = i128::try_from(age.as_nanos()).map_err(|error| error.to_string())?;
    let start_time =
        async_nats::datetime::from_nanos(nanos - age).map_err(|error| error.to_string())?;
    Ok(DeliverPolicy::ByStartTime { start_time })
}

/// How often more messages are fetched within `batch-wait` while a batch is not full.
const LOOKS: u32 = 4;

/// Fetches up to `count` messages: those available now, or else those that come within [`POLL`]. A
/// batch that is not full waits for more, at most `subscription.batch_wait` in total.
///
/// nats-server 2.9 ends expired requests only every 5 s. So only requests for one message wait, because
/// that message ends them; requests for more take what is there.
pub(crate) async fn fetch(
    nats: &Nats,
    consumer: &Pull,
    subscription: &Subscription,
    count: usize,
) -> Result<Vec<Message>, Failure> {
    // A message larger than the requested bytes would never be delivered.
    let max_bytes = subscription.batch_bytes.max(nats.message_bytes_max() + MESSAGE_BYTES_EXTRA);
    let take = |batch| {
        ask(nats, consumer, BatchConfig { batch, max_bytes, no_wait: true, ..Default::default() })
    };
    let mut messages = if 1 < count { take(count).await? } else { Vec::new() };
    if messages.is_empty() {
        let first = BatchConfig { batch: 1, expires: Some(POLL), ..Default::default() };
        messages = ask(nats, consumer, first).await?;
    }
    if messages.is_empty() || subscription.batch_wait.is_zero() {
        return Ok(messages);
    }
    for _ in 0..LOOKS {
        let held: usize = messages.iter().map(|message| message.length).sum();
        if count <= messages.len() || subscription.batch_bytes <= held {
            break;
        }
        sleep(subscription.batch_wait / LOOKS).await;
        // If this fails, the messages fetched before are kept.
        let more = take(count - messages.len()).await;
        messages.extend(more.unwrap_or_default());
    }
    Ok(messages)
}
