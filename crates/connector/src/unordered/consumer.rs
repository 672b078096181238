//! The durable consumer of a subscription, and fetching from it.

use crate::annotations::{Deliver, Subscription, durable_name};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use futures_util::StreamExt as _;
use messaging::Nats;
use std::time::Duration;
use tokio::time::timeout;

/// How long the server holds a request for a first message.
const POLL: Duration = Duration::from_millis(500);
/// How long the server may take to answer. 2.9 ends a request that waited in vain every 5 s.
const ANSWER: Duration = Duration::from_secs(6);
/// How long the server waits for a word before it gives a message out again: the time that the
/// messages of a killed connector are missing for. A call may last longer; a word is sent every
/// third of it.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(15);
/// Messages that may wait for another attempt before no more are given out.
const DELAYED_MAX: usize = 1_000;
/// Subject, headers and reply of a message count as well.
const MESSAGE_BYTES_EXTRA: usize = 64 * 1024;

pub(crate) type Pull = Consumer<pull::Config>;

/// Makes the consumer, or brings its settings up to date; its position stays.
pub(crate) async fn ensure(
    nats: &Nats,
    subscription: &Subscription,
    deliver: Deliver,
    max_inflight: usize,
) -> Result<Pull, String> {
    let name = durable_name(&subscription.function, &subscription.filter);
    let stream = nats.js.get_stream(&subscription.stream).await.map_err(|e| e.to_string())?;
    let known = match stream.consumer_info(&name).await {
        Ok(info) => Some(info.config.deliver_policy),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => None,
        Err(error) => return Err(error.to_string()),
    };
    let deliver_policy = match known {
        // Where it started cannot be changed, and means nothing any more.
        Some(policy) => policy,
        None => start(deliver)?,
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
    stream.create_consumer(config).await.map_err(|error| error.to_string())
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

/// Up to `count` messages: what there is now, else what comes within [`POLL`] and
/// `subscription.batch_wait` after it.
///
/// nats-server 2.9 ends a request whose time is up only every 5 s. So only requests for one message
/// wait, because that message ends them; those for more take what is there.
pub(crate) async fn fetch(
    nats: &Nats,
    consumer: &Pull,
    subscription: &Subscription,
    count: usize,
) -> Result<Vec<Message>, String> {
    // A message that is larger than what is asked for would never come.
    let bytes = subscription.batch_bytes.max(nats.message_bytes_max() + MESSAGE_BYTES_EXTRA);
    if 1 < count {
        let messages = take(consumer, count, bytes).await?;
        if !messages.is_empty() {
            return Ok(messages);
        }
    }
    let first = consumer.batch().max_messages(1).max_bytes(bytes).expires(POLL);
    let mut messages = collect(first.messages().await, POLL + ANSWER).await?;
    if !messages.is_empty() && 1 < count {
        tokio::time::sleep(subscription.batch_wait).await;
        // What came is not lost when this fails.
        messages.extend(take(consumer, count - 1, bytes).await.unwrap_or_default());
    }
    Ok(messages)
}

/// What there is now.
async fn take(consumer: &Pull, count: usize, bytes: usize) -> Result<Vec<Message>, String> {
    let answers = consumer.fetch().max_messages(count).max_bytes(bytes).messages().await;
    collect(answers, ANSWER).await
}

/// What comes for one request, with at most `patience` before each message: a server that dies in
/// the middle of its answer never ends it.
async fn collect<E: ToString>(
    answers: Result<pull::Batch, E>,
    patience: Duration,
) -> Result<Vec<Message>, String> {
    let mut answers = answers.map_err(|error| error.to_string())?;
    let mut messages = Vec::new();
    loop {
        match timeout(patience, answers.next()).await {
            Ok(None) => return Ok(messages),
            Ok(Some(Ok(message))) => messages.push(message),
            // Among others: the next one did not fit into the bytes.
            Ok(Some(Err(_))) | Err(_) if !messages.is_empty() => return Ok(messages),
            Ok(Some(Err(error))) => return Err(error.to_string()),
            Err(_) => return Err(format!("no answer within {} s", patience.as_secs_f32())),
        }
    }
}
