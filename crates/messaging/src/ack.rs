//! Acknowledgement by request, so that a consumer that is gone is noticed: the client's
//! `double_ack` does not look at the answer's status.

use crate::Nats;
use async_nats::jetstream::AckKind;

/// Not confirmed by the server; the message comes again.
#[derive(Debug, thiserror::Error)]
#[error("acknowledgement was not confirmed: {0}")]
pub struct NotConfirmed(String);

/// Sends `kind` to the acknowledgement subject `reply` and waits for the server's word.
///
/// # Errors
/// No word within the time-out, or nobody is there to take it.
pub async fn confirmed(nats: &Nats, reply: &str, kind: AckKind) -> Result<(), NotConfirmed> {
    let answer = nats.client.request(reply.to_owned(), kind.into()).await;
    answer.map(|_| ()).map_err(|error| NotConfirmed(error.to_string()))
}

/// Acknowledges many messages of one consumer and waits for one word.
///
/// A server works off what comes on a connection in its order, so its answer to the last
/// acknowledgement speaks for those before it. If the connection was lost in between, those come
/// again, like every message whose acknowledgement is lost.
///
/// # Errors
/// No word within the time-out, or nobody is there to take it.
pub async fn all_confirmed(nats: &Nats, replies: Vec<String>) -> Result<(), NotConfirmed> {
    let mut replies = replies;
    let Some(last) = replies.pop() else { return Ok(()) };
    for reply in replies {
        let sent = nats.client.publish(reply, AckKind::Ack.into()).await;
        sent.map_err(|error| NotConfirmed(error.to_string()))?;
    }
    confirmed(nats, &last, AckKind::Ack).await
}
