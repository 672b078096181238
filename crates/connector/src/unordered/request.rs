//! One request for messages, and the meaning of each status that answers it.
//!
//! A replicated consumer delivers a message only after most servers have recorded it, but sends some
//! statuses of the same request immediately. So a status that ends a request may arrive before its
//! messages, and the connector waits for them.

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull::{self, BatchConfig};
use async_nats::{StatusCode, Subscriber};
use futures_util::StreamExt as _;
use messaging::Nats;
use std::time::Duration;
use tokio::time::timeout;

/// A durable pull consumer.
pub(crate) type Pull = Consumer<pull::Config>;

/// How long the server may take to answer after a request has expired: 2.9 ends expired requests every
/// 5 s.
const ANSWER: Duration = Duration::from_secs(6);
/// How long to wait for messages after a status that overtook them. Later ones are delivered again.
const OVERTAKEN: Duration = Duration::from_secs(2);
/// Header of a status: how many of the requested messages are not delivered.
const NOT_GIVEN: &str = "Nats-Pending-Messages";

/// Why a request failed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The consumer is in order; the request can be repeated after a pause.
    #[error("{0}")]
    Again(String),
    /// The consumer must be looked up, and created again if it is gone.
    #[error("{0}")]
    Anew(String),
}

/// The meaning of a status for its request.
#[derive(Debug, PartialEq, Eq)]
enum Status {
    /// No meaning; read on.
    ReadOn,
    /// The request is over: of the messages asked for, this many are not delivered.
    Ended { not_given: usize },
    /// The request is over; ask again later.
    Again,
    /// The consumer must be looked up.
    Anew,
}

/// Implements the table "Statuses of a request" of `docs/CONNECTOR.md`. `not_given`: the status's
/// header, if it has one; `left`: how many messages of the request have not arrived.
fn status(code: u16, text: &str, not_given: Option<usize>, left: usize) -> Status {
    match (code, text) {
        (100, _) => Status::ReadOn,
        (409, "Batch Completed") => Status::Ended { not_given: 0 },
        (408, "Requests Pending") => Status::Ended { not_given: left },
        (404 | 408, _) | (409, "Message Size Exceeds MaxBytes") => {
            Status::Ended { not_given: not_given.unwrap_or(left) }
        }
        // Messages that the former server delivered but did not send are delivered again.
        (409, "Leadership Change" | "Server Shutdown") => Status::Again,
        (409, "Exceeded MaxWaiting" | "Exceeded MaxAckPending") => Status::Again,
        // This includes 503: no server answers for the consumer.
        _ => Status::Anew,
    }
}

/// The messages that arrive for one request, in order of arrival. Fails only when none arrived.
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
    // An error after the first message does not lose the messages that arrived.
    if messages.is_empty() { came.map(|()| messages) } else { Ok(messages) }
}

/// Reads answers into `messages` until all requested ones arrived or a status ends the request. Waits
/// at most `patience` for each: a server that dies in the middle of its answer never ends it.
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
            // They are delivered again.
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
