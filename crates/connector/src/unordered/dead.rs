//! Messages that are given up: kept apart first, then taken out of delivery.

use super::held::Held;
use crate::annotations::Subscription;
use async_nats::HeaderMap;
use async_nats::jetstream::AckKind;
use bytes::Bytes;
use messaging::publish::{self, Outgoing};
use messaging::{Nats, ack, streams, subject};

/// Subject that the message had.
pub const SUBJECT: &str = "Orderflow-Dead-Subject";
/// Stream that keeps it.
pub const STREAM: &str = "Orderflow-Dead-Stream";
/// Its sequence there.
pub const SEQUENCE: &str = "Orderflow-Dead-Sequence";
/// How often the function was tried with it.
pub const ATTEMPTS: &str = "Orderflow-Dead-Attempts";
/// Which function.
pub const FUNCTION: &str = "Orderflow-Dead-Function";
/// Why it was given up.
pub const ERROR: &str = "Orderflow-Dead-Error";
/// Says `left out` when message and headers together were too large; the original has the payload.
pub const PAYLOAD: &str = "Orderflow-Dead-Payload";

const PREFIX: &str = "orderflow-dead-";
/// Headers that say how to store a message, not what it is.
const SERVER_PREFIX: &str = "nats-";
const ERROR_CHARS_MAX: usize = 1_000;

/// What becomes of a message that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buried {
    /// It lies among the dead letters.
    Kept,
    /// It is one of the stream of errors itself, and only logged.
    Parked,
}

/// The letter: what the message held, with what is known about it in its headers.
pub(crate) fn letter(
    subscription: &Subscription,
    held: &Held,
    attempts: u32,
    reason: &str,
) -> Outgoing {
    let Subscription { function, stream, .. } = subscription;
    let mut outgoing = Outgoing::new(subject::dead_letters(function), held.payload.clone());
    outgoing.headers = kept(held.headers.as_ref());
    let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    let reason: String = reason.take(ERROR_CHARS_MAX).collect();
    let sequence = held.sequence.to_string();
    outgoing
        .header(SUBJECT, &held.subject)
        .header(STREAM, stream)
        .header(SEQUENCE, &sequence)
        .header(ATTEMPTS, &attempts.to_string())
        .header(FUNCTION, function)
        .header(ERROR, reason.trim())
        .header("Nats-Msg-Id", &format!("dead:{function}:{stream}:{sequence}"))
}

fn kept(headers: Option<&HeaderMap>) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let lower = name.to_string().to_ascii_lowercase();
        if !lower.starts_with(SERVER_PREFIX) && !lower.starts_with(PREFIX) {
            for value in values {
                kept.append(name.clone(), value.clone());
            }
        }
    }
    kept
}

/// Keeps the letter and then ends the delivery of the original, each confirmed by the server.
pub(crate) async fn bury(nats: &Nats, letter: Outgoing, reply: &str) -> Result<Buried, String> {
    let header = |name| letter.headers.get(name).map_or("", async_nats::HeaderValue::as_str);
    let (function, error) = (header(FUNCTION).to_owned(), header(ERROR).to_owned());
    let (subject, sequence) = (header(SUBJECT).to_owned(), header(SEQUENCE).to_owned());
    if header(STREAM) == streams::ERRORS {
        ack::confirmed(nats, reply, AckKind::Ack).await.map_err(|error| error.to_string())?;
        tracing::error!(
            alert = "parked",
            function,
            subject,
            sequence,
            error,
            "given up; an error is not reported as another one"
        );
        return Ok(Buried::Parked);
    }
    publish(nats, letter).await?;
    ack::confirmed(nats, reply, AckKind::Term).await.map_err(|error| error.to_string())?;
    tracing::error!(alert = "dead letter", function, subject, sequence, error, "given up");
    Ok(Buried::Kept)
}

async fn publish(nats: &Nats, letter: Outgoing) -> Result<(), String> {
    match publish::one(nats, &letter, None).await {
        Ok(_) => Ok(()),
        // Its headers made it larger than what the server takes.
        Err(error) if error.is_permanent() && !letter.payload.is_empty() => {
            let letter = Outgoing { payload: Bytes::new(), ..letter }.header(PAYLOAD, "left out");
            let stored = publish::one(nats, &letter, None).await;
            stored.map(|_| ()).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotations;

    #[test]
    fn a_letter_says_where_it_comes_from_and_keeps_safe_headers() {
        let annotations = [("topic".to_owned(), "orders".to_owned())].into();
        let subscription = annotations::parse("f.x", &annotations).unwrap().pop().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("Trace", "t"),
            ("Nats-Msg-Id", "old"),
            ("nats-expected-last-subject-sequence", "0"),
            ("Orderflow-Dead-Error", "old"),
        ] {
            headers.insert(name, value);
        }
        let held = Held::for_test(7, "orders", headers, b"raw");
        let letter = letter(&subscription, &held, 3, "bad\r\nNats-Rollup: all\0");
        let mut shown: Vec<String> =
            letter.headers.iter().map(|(name, values)| format!("{name}={}", values[0])).collect();
        shown.sort();
        let expected = [
            "Nats-Msg-Id=dead:f.x:ORDERS:7",
            "Orderflow-Dead-Attempts=3",
            "Orderflow-Dead-Error=bad  Nats-Rollup: all",
            "Orderflow-Dead-Function=f.x",
            "Orderflow-Dead-Sequence=7",
            "Orderflow-Dead-Stream=ORDERS",
            "Orderflow-Dead-Subject=orders",
            "Trace=t",
        ];
        assert_eq!(shown, expected);
        assert_eq!(
            (letter.subject.as_str(), &letter.payload[..]),
            ("errors.dead.f=2Ex", &b"raw"[..])
        );
    }
}
