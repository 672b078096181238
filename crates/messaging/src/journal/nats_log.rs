//! A journal's log on JetStream.

use super::{Appended, Log, LogError};
use crate::publish::{self, Outgoing, Published};
use crate::{Nats, header, streams, tail};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::future::IntoFuture;

/// Entries that are asked for one by one, before a consumer is made for the rest.
const FEW: usize = 32;

/// One subject of the stream `JOURNAL`.
#[derive(Debug)]
pub struct NatsLog {
    nats: Nats,
    subject: String,
}

impl NatsLog {
    /// The log on `subject`.
    #[must_use]
    pub fn new(nats: Nats, subject: String) -> Self {
        Self { nats, subject }
    }
}

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

impl Log for NatsLog {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        // No message id: the same id with other content would be answered as a duplicate.
        let message =
            PublishMessage::build().payload(entry).expected_last_subject_sequence(expected);
        let answer = match self.nats.js.send_publish(self.subject.clone(), message).await {
            Ok(ack) => ack.into_future().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(ack) if !ack.duplicate => Appended::Stored(ack.sequence),
            Ok(_) => Appended::Unclear("answered as a duplicate".into()),
            Err(error) => Appended::Unclear(error.to_string()),
        }
    }

    async fn after(&self, sequence: u64) -> Result<Vec<(u64, Bytes)>, LogError> {
        let stream =
            self.nats.js.get_stream_no_info(streams::JOURNAL).await.map_err(unavailable)?;
        let (mut entries, mut at) = (Vec::new(), sequence);
        // Few are asked for one by one: a consumer would hang if the server died meanwhile.
        while entries.len() < FEW {
            match stream.get_first_raw_message_by_subject(&self.subject, at + 1).await {
                Ok(message) => {
                    at = message.sequence;
                    entries.push((at, message.payload));
                }
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
                    return Ok(entries);
                }
                Err(error) => return Err(unavailable(error)),
            }
        }
        let each = |message: &async_nats::jetstream::Message| {
            if let Ok(info) = message.info() {
                entries.push((info.stream_sequence, message.payload.clone()));
            }
        };
        tail::read(&self.nats, streams::JOURNAL, &self.subject, at + 1, false, each)
            .await
            .map_err(unavailable)?;
        Ok(entries)
    }

    async fn last(&self) -> Result<u64, LogError> {
        let last = publish::last(&self.nats, streams::JOURNAL, &self.subject).await;
        Ok(last.map_err(unavailable)?.map_or(0, |message| message.sequence))
    }

    async fn publish(&self, facts: Vec<Outgoing>) -> Result<(), LogError> {
        let results = publish::all(&self.nats, &facts, Some(0)).await;
        for (fact, result) in facts.iter().zip(results) {
            match result {
                Ok(Published::Stored(_)) => {}
                Ok(Published::Occupied) => take_over(&self.nats, fact).await?,
                Err(unclear) => return Err(unavailable(unclear)),
            }
        }
        Ok(())
    }

    fn new_id(&self) -> String {
        // An inbox is a prefix and a text that is unique across clients.
        let inbox = self.nats.client.new_inbox();
        inbox.rsplit('.').next().unwrap_or(&inbox).to_owned()
    }

    #[expect(clippy::disallowed_methods, reason = "the log is where the journal's time comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Something stands where `fact` belongs: the fact itself, one of a later decision, which proves
/// that ours was stored before, or one of an earlier decision, which ours replaces.
async fn take_over(nats: &Nats, fact: &Outgoing) -> Result<(), LogError> {
    let stream = streams::of_subject(&fact.subject)
        .ok_or_else(|| LogError(format!("no stream keeps {}", fact.subject)))?;
    let Some(standing) =
        publish::last(nats, stream.name, &fact.subject).await.map_err(unavailable)?
    else {
        return Err(LogError(format!("{} is occupied and empty at once", fact.subject)));
    };
    let ours: Option<u64> =
        fact.headers.get(header::DECISION_SEQUENCE).and_then(|value| value.as_str().parse().ok());
    if standing.decision_sequence() >= ours {
        return Ok(());
    }
    match publish::one(nats, fact, Some(standing.sequence)).await {
        Ok(Published::Stored(_)) => Ok(()),
        Ok(Published::Occupied) => Err(LogError(format!("{} has just changed", fact.subject))),
        Err(unclear) => Err(unavailable(unclear)),
    }
}
