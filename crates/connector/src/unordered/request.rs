//! One request for messages, and what each status that answers it means.
//!
//! A consumer with several copies gives a message out only when most servers know that it does, but
//! some statuses of the same request at once. So a status that ends a request may come before its
//! messages, and they are waited for.

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::{self, BatchConfig};
use async_nats::{StatusCode, Subscriber};
use futures_util::StreamExt as _;
use messaging::Nats;
use std::time::Duration;
use tokio::time::timeout;

/// A durable consumer that is asked for batches.
pub(crate) type Pull = Consumer<pull::Config>;

/// How long the server may take to answer a request beyond the time that it may wait: 2.9 ends one
/// that waited in vain every 5 s.
const ANSWER: Duration = Duration::from_secs(6);
/// How long messages may take that a status came before. What comes later is given out again.
const OVERTAKEN: Duration = Duration::from_secs(2);
/// In a status: how many of the messages that were asked for are not given out.
const NOT_GIVEN: &str = "Nats-Pending-Messages";

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The consumer is as it should be; the same can be asked again after a pause.
    #[error("{0}")]
    Again(String),
    /// The consumer has to be looked up, and made anew if it is gone.
    #[error("{0}")]
    Anew(String),
}

/// What a status means for the request that it answers.
#[derive(Debug, PartialEq, Eq)]
enum Status {
    /// Nothing.
    ReadOn,
    /// Nothing more is given out for it than the messages asked for without so many.
    Ended { not_given: usize },
    /// Nothing more comes for it; ask again later.
    Again,
    /// Look the consumer up.
    Anew,
}

/// The table of `docs/CONNECTOR.md`, "Statuses of a request". `not_given`: what the status says of
/// it, if anything; `left`: how many messages of the request have not come.
fn status(code: u16, text: &str, not_given: Option<usize>, left: usize) -> Status {
    match (code, text) {
        (100, _) => Status::ReadOn,
        (409, "Batch Completed") => Status::Ended { not_given: 0 },
        (408, "Requests Pending") => Status::Ended { not_given: left },
        (404 | 408, _) | (409, "Message Size Exceeds MaxBytes") => {
            Status::Ended { not_given: not_given.unwrap_or(left) }
        }
        // What the server before gave out and had not sent comes again.
        (409, "Leadership Change" | "Server Shutdown") => Status::Again,
        (409, "Exceeded MaxWaiting" | "Exceeded MaxAckPending") => Status::Again,
        // Among others 503: nobody answers for the consumer.
        _ => Status::Anew,
    }
}

/// The messages that come for one request, in the order of their coming; none if there are none.
/// Fails only when none came.
pub(crate) async fn ask(
    nats: &Nats,
    consumer: &Pull,
    request: BatchConfig,
) -> Result<Vec<Message>, Failure> {
    let (count, waits) = (request.batch, request.expires.unwrap_or_default());
    let inbox = nats.client.new_inbox();
    let answers = nats.client.subscribe(inbox.clone()).await.map_err(Failure::again)?;
    consumer.request_batch(request, inbox.into()).await.map_err(Failure::again)?;
    let mut messages = Vec::new();
    let came = collect(nats, answers, (count, waits + ANSWER), &mut messages).await;
    // What came is not lost when what comes behind it fails.
    if messages.is_empty() { came.map(|()| messages) } else { Ok(messages) }
}

/// Reads answers into `messages` until as many came as were asked for or a status ends it, with at
/// most `patience` before each: a server that dies in the middle of its answer never ends it.
async fn collect(
    nats: &Nats,
    mut answers: Subscriber,
    (count, mut patience): (usize, Duration),
    messages: &mut Vec<Message>,
) -> Result<(), Failure> {
    let mut given = count;
    let mut ended = false;
    while messages.len() < given {
        let message = match timeout(patience, answers.next()).await {
            Ok(Some(message)) => message,
            Ok(None) => return Err(Failure::Again("the connection is closed".into())),
            // They come again.
            Err(_elapsed) if ended => return Ok(()),
            Err(_elapsed) => {
                return Err(Failure::Anew(format!(
                    "no answer within {} s",
                    patience.as_secs_f32()
                )));
            }
        };
        let Some(code) = message.status.filter(|code| *code != StatusCode::OK) else {
            messages.push(Message { message, context: nats.js.clone() });
            continue;
        };
        let text = message.description.as_deref().unwrap_or_default();
        let said = || format!("the server answered {code} {text}");
        match status(code.as_u16(), text, not_given(&message), count - messages.len()) {
            Status::ReadOn => {}
            Status::Ended { not_given } => {
                given = count.saturating_sub(not_given);
                (ended, patience) = (true, OVERTAKEN);
            }
            Status::Again => return Err(Failure::Again(said())),
            Status::Anew => return Err(Failure::Anew(said())),
        }
    }
    Ok(())
}

fn not_given(status: &async_nats::Message) -> Option<usize> {
    status.headers.as_ref()?.get(NOT_GIVEN)?.as_str().parse().ok()
}

impl Failure {
    fn again(error: impl std::fmt::Display) -> Self {
        Self::Again(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        let ended = |not_given| Status::Ended { not_given };
        for (code, text, not_given, means) in [
            (100, "Idle Heartbeat", Some(3), Status::ReadOn),
            (100, "FlowControl Request", None, Status::ReadOn),
            (404, "No Messages", None, ended(5)),
            (408, "Request Timeout", Some(3), ended(3)),
            (408, "Request Timeout", None, ended(5)),
            (408, "Interest Expired", Some(4), ended(4)),
            (408, "Requests Pending", None, ended(5)),
            (409, "Batch Completed", Some(0), ended(0)),
            (409, "Message Size Exceeds MaxBytes", Some(2), ended(2)),
            (409, "Leadership Change", None, Status::Again),
            (409, "Server Shutdown", Some(5), Status::Again),
            (409, "Exceeded MaxWaiting", None, Status::Again),
            (409, "Exceeded MaxAckPending", None, Status::Again),
            (409, "Exceeded MaxRequestBatch of 1", None, Status::Anew),
            (409, "Exceeded MaxRequestExpires of 1s", None, Status::Anew),
            (409, "Exceeded MaxRequestMaxBytes of 1", None, Status::Anew),
            (409, "Consumer Deleted", None, Status::Anew),
            (409, "Consumer is push based", None, Status::Anew),
            (409, "what no release says yet", Some(0), Status::Anew),
            (400, "Bad Request - invalid", None, Status::Anew),
            (412, "Required Api Level", None, Status::Anew),
            (423, "Nats-Wrong-Pin-Id", Some(5), Status::Anew),
            (423, "Nats-Pin-Id mismatch", None, Status::Anew),
            (503, "", None, Status::Anew),
        ] {
            assert_eq!(status(code, text, not_given, 5), means, "{code} {text}");
        }
    }
}
