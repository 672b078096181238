//! What another stream still holds of a subject that a stream of its own keeps now ([`streams::formerly`]).

use super::consumer;
use crate::annotations::{Deliver, Subscription, durable_name};
use crate::shared::Shared;
use crate::stop::{Stop, channel};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use messaging::backlog::Backlog;
use messaging::{Nats, stored, streams};
use std::time::Duration;
use tokio::time::sleep;

/// Time between two looks at the former stream.
const EVERY: Duration = Duration::from_secs(2);

/// Delivers until `stop`, also what another stream still holds of the subject; calls in progress may then end.
pub(crate) async fn all(
    shared: Shared,
    subscription: Subscription,
    deliver: Deliver,
    max_inflight: usize,
    stop: Stop,
) {
    let (former, also) = (shared.clone(), subscription.clone());
    tokio::join!(
        super::run(shared, subscription, deliver, max_inflight, stop.clone()),
        rest(former, also, deliver, max_inflight, stop)
    );
}

/// Delivers the messages of the former stream that are not done yet. Ends when all are done, or at `stop`.
async fn rest(
    shared: Shared,
    subscription: Subscription,
    deliver: Deliver,
    max_inflight: usize,
    stop: Stop,
) {
    let Some(stream) = streams::formerly(&subscription.filter) else { return };
    let former = Subscription { stream: stream.to_owned(), ..subscription };
    let (stopper, stopped) = channel();
    let mut reader = None;
    loop {
        match is_done(&shared.nats, &former).await {
            Ok(true) => break,
            Ok(false) if reader.is_none() => {
                let Subscription { function, filter, stream, .. } = &former;
                tracing::info!(function, filter, stream, "reading what this stream still holds");
                shared.metrics.begin(&former.name());
                reader = Some(tokio::spawn(super::run(
                    shared.clone(),
                    former.clone(),
                    deliver,
                    max_inflight,
                    stopped.clone(),
                )));
            }
            Ok(false) => {}
            Err(error) => {
                let Subscription { function, filter, stream, .. } = &former;
                tracing::warn!(function, filter, stream, error, "cannot look what is left there");
            }
        }
        if stop.or(sleep(EVERY)).await.is_none() {
            break;
        }
    }
    stopper.stop();
    if let Some(reader) = reader
        && let Err(error) = reader.await
    {
        tracing::error!(%error, "a task of deliveries failed");
    }
}

/// Does the stream get none of the subscription's messages any more, and is every one done that it holds?
async fn is_done(nats: &Nats, former: &Subscription) -> Result<bool, String> {
    let Subscription { function, filter, stream, .. } = former;
    let found = match nats.js.get_stream(stream).await {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(ref e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND) =>
        {
            return Ok(true);
        }
        Err(error) => return Err(error.to_string()),
    };
    if consumer::keeps(found.cached_info(), filter) {
        return Ok(false);
    }
    match found.consumer_info(&durable_name(function, filter)).await {
        Ok(info) => match Backlog::of(nats, &info).await {
            Ok(backlog) => Ok(backlog.count() == 0),
            Err(error) => Err(error.to_string()),
        },
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
            let first = stored::first(nats, stream, filter, 1).await;
            first.map(|first| first.is_none()).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}
