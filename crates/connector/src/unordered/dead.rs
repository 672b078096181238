//! Messages that are given up: stored as a dead letter first, then taken out of delivery.

use super::held::Held;
use crate::annotations::Subscription;
use async_nats::jetstream::AckKind;
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use messaging::publish::{self, Outgoing};
use messaging::{Nats, ack, header, streams, subject};

/// Subject of the message.
pub const SUBJECT: &str = "Orderflow-Dead-Subject";
/// Stream that keeps the message.
pub const STREAM: &str = header::DEAD_STREAM;
/// Its sequence in that stream.
pub const SEQUENCE: &str = header::DEAD_SEQUENCE;
/// How often the function was called with it.
pub const ATTEMPTS: &str = "Orderflow-Dead-Attempts";
/// The function.
pub const FUNCTION: &str = "Orderflow-Dead-Function";
/// Why the message was given up.
pub const ERROR: &str = header::DEAD_ERROR;
/// Says `left out` when message and headers together were too large; the original has the payload.
pub const PAYLOAD: &str = "Orderflow-Dead-Payload";
/// How many headers of the message were left out, because all headers together may have at most 8 KiB.
pub const HEADERS: &str = "Orderflow-Dead-Headers-Left-Out";

/// The reason for a message with unreadable headers.
pub(crate) const UNREADABLE: &str = "its header block cannot be read; \
    Orderflow-Unreadable-Headers holds it in base64";

const PREFIX: &str = "orderflow-dead-";
/// Headers that control how a message is stored and do not describe it.
const SERVER_PREFIX: &str = "nats-";
const ERROR_CHARS_MAX: usize = 1_000;
/// Most bytes of the reason and of the subject in a letter.
const ERROR_BYTES_MAX: usize = 2_000;
const SUBJECT_BYTES_MAX: usize = 2_000;
/// Most bytes that are kept of an unreadable header block, in base64: a multiple of four.
const UNREADABLE_BYTES_MAX: usize = 4_000;
/// Most bytes of all headers of a letter: no message may make its own letter impossible to store.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// The result of giving up a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buried {
    /// It is stored as a dead letter.
    Kept,
    /// It comes from the stream of errors itself and is only logged.
    Parked,
}

/// The dead letter: the payload of the message, with what is known about it in headers.
pub(crate) fn letter(
    subscription: &Subscription,
    held: &Held,
    attempts: u32,
    reason: &str,
) -> Outgoing {
    let Subscription { function, stream, .. } = subscription;
    let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    let reason: String = reason.take(ERROR_CHARS_MAX).collect();
    let sequence = held.sequence.to_string();
    let id = format!("dead:{function}:{stream}:{sequence}:{}", held.stored);
    let letter = Outgoing::new(subject::dead_letters(function), held.payload.clone())
        .header(SUBJECT, cut(&held.subject, SUBJECT_BYTES_MAX))
        .header(STREAM, stream)
        .header(SEQUENCE, &sequence)
        .header(ATTEMPTS, &attempts.to_string())
        .header(FUNCTION, function)
        .header(ERROR, cut(reason.trim(), ERROR_BYTES_MAX))
        // The time of storing is part of the id: a stream that is created again counts from 1.
        .header("Nats-Msg-Id", &id);
    let letter = match held.unreadable() {
        Some(block) => letter.header(header::UNREADABLE, cut(block, UNREADABLE_BYTES_MAX)),
        None => letter,
    };
    keep(letter, held.headers.as_ref())
}

/// The beginning of `text`, at most `bytes_max` bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    (0..=bytes_max.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Adds the headers of the message that fit, the shortest first.
fn keep(mut letter: Outgoing, headers: Option<&HeaderMap>) -> Outgoing {
    let mut given: Vec<(&HeaderName, &HeaderValue)> = headers
        .into_iter()
        .flat_map(HeaderMap::iter)
        .filter(|(name, _)| is_kept(name.as_ref()))
        .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        .collect();
    let size = |(name, value): &(&HeaderName, &HeaderValue)| {
        publish::header_line_bytes(name.as_ref(), value.as_str())
    };
    given.sort_by_key(size);
    // Room for the two headers that say what was left out.
    let mut room = HEADER_BYTES_MAX.saturating_sub(letter.header_bytes() + 100);
    let mut left_out = 0_usize;
    for header in given {
        match room.checked_sub(size(&header)) {
            Some(rest) => {
                room = rest;
                letter.headers.append(header.0.clone(), header.1.clone());
            }
            None => left_out += 1,
        }
    }
    if left_out > 0 { letter.header(HEADERS, &left_out.to_string()) } else { letter }
}

fn is_kept(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let ours = lower.eq_ignore_ascii_case(header::UNREADABLE);
    !lower.starts_with(SERVER_PREFIX) && !lower.starts_with(PREFIX) && !ours
}

/// Stores the letter, then ends the delivery of the original; the server confirms both.
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
            "given up; an error event gets no dead letter of its own"
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
        // The extra headers made it larger than the server accepts. If the stream is only away, the
        // whole letter is stored later.
        Err(error) if error.is_too_large() && !letter.payload.is_empty() => {
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
            "Nats-Msg-Id=dead:f.x:INTAKE:7:0",
            "Orderflow-Dead-Attempts=3",
            "Orderflow-Dead-Error=bad  Nats-Rollup: all",
            "Orderflow-Dead-Function=f.x",
            "Orderflow-Dead-Sequence=7",
            "Orderflow-Dead-Stream=INTAKE",
            "Orderflow-Dead-Subject=orders",
            "Trace=t",
        ];
        assert_eq!(shown, expected);
        assert_eq!(
            (letter.subject.as_str(), &letter.payload[..]),
            ("errors.dead.f=2Ex", &b"raw"[..])
        );
    }

    #[test]
    fn no_header_of_a_message_makes_its_letter_too_large() {
        let annotations = [("topic".to_owned(), "orders".to_owned())].into();
        let subscription = annotations::parse("f", &annotations).unwrap().pop().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("Short", "s");
        headers.insert("Long", "x".repeat(60_000));
        for n in 0..2_000 {
            headers.append("Many", n.to_string());
        }
        let held = Held::for_test(7, &format!("orders.{}", "x".repeat(4_000)), headers, b"raw");
        let letter = letter(&subscription, &held, 1, &"é".repeat(1_000));
        assert!(letter.header_bytes() <= HEADER_BYTES_MAX, "{}", letter.header_bytes());
        let header = |name| letter.headers.get(name).map(HeaderValue::as_str);
        assert_eq!((header("Short"), header("Long")), (Some("s"), None));
        let kept = letter.headers.get_all("Many").count();
        assert_eq!(header(HEADERS), Some(&*(2_001 - kept).to_string()));
        assert_eq!(header(ERROR).map(str::len), Some(2_000));
    }
}
