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
