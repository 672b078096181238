//! Messages that were fetched and are not settled yet, and their attempt records.

use crate::annotations::Subscription;
use crate::event::{self, Stored};
use crate::verdict::Member;
use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use messaging::header;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A fetched message that is not settled.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) sequence: u64,
    /// When it was stored, nanoseconds since 1970.
    pub(crate) stored: i128,
    pub(crate) subject: String,
    pub(crate) reply: String,
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) payload: Bytes,
    pub(crate) id: String,
    pub(crate) json: Vec<u8>,
    pub(crate) record: Record,
    pub(crate) settled: bool,
}

/// What is remembered about a message between two deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// How often the function failed on it.
    pub(crate) attempts: u32,
    /// How often a call with it got no answer.
    pub(crate) unanswered: u32,
    /// It is called alone, so that it does not harm other messages.
    pub(crate) alone: bool,
}

/// Most records that are kept: more than the number of messages that the server delivers before they
/// are acknowledged. The surplus belongs to messages that never came back.
pub(crate) const RECORDS_MAX: usize = 100_000;

/// Records by stream sequence.
///
/// A message that expires, is purged or is settled by another connector never comes back. So its record
/// is removed when the consumer has moved past it; at [`RECORDS_MAX`] the oldest record is removed.
#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<BTreeMap<u64, Record>>);

impl Records {
    pub(crate) fn get(&self, sequence: u64) -> Record {
        self.lock().get(&sequence).copied().unwrap_or_default()
    }

    pub(crate) fn set(&self, sequence: u64, record: Record) {
        let mut records = self.lock();
        records.insert(sequence, record);
        while RECORDS_MAX < records.len() {
            records.pop_first();
        }
    }

    /// Everything up to this sequence is settled.
    pub(crate) fn settled(&self, to: u64) {
        let mut records = self.lock();
        // Called with every fetch; mostly there is nothing to remove.
        if records.first_key_value().is_none_or(|(first, _)| to < *first) {
            return;
        }
        *records = records.split_off(&to.saturating_add(1));
    }

    /// Removes all records; called when the stream is another one.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn forget(&self, sequences: &[u64]) {
        let mut records = self.lock();
        for sequence in sequences {
            records.remove(sequence);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a message was stored, RFC 3339.
pub(crate) fn stored_at(nanos: i128) -> String {
    let nanos = i64::try_from(nanos).unwrap_or_default();
    DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Held {
    /// `None` if it is not a message of JetStream.
    pub(crate) fn new(
        message: Message,
        subscription: &Subscription,
        records: &Records,
    ) -> Option<Self> {
        let info = message.info().ok()?;
        let sequence = info.stream_sequence;
        let stored = info.published.unix_timestamp_nanos();
        let time = stored_at(stored);
        let encoded = event::encode(&Stored {
            stream: &subscription.stream,
            sequence,
            previous: None,
            subject: &message.subject,
            time: &time,
            headers: message.headers.as_ref(),
            payload: &message.payload,
        });
        let message = message.message;
        Some(Self {
            sequence,
            stored,
            subject: message.subject.to_string(),
            reply: message.reply?.to_string(),
            headers: message.headers,
            payload: message.payload,
            id: encoded.id,
            json: encoded.json,
            record: records.get(sequence),
            settled: false,
        })
    }

    /// Its header block in base64, if it is unreadable. No function may get such a message, because its
    /// headers are unknown.
    pub(crate) fn unreadable(&self) -> Option<&str> {
        Some(self.headers.as_ref()?.get(header::UNREADABLE)?.as_str())
    }

    pub(crate) fn member(&self) -> Member<'_> {
        Member { id: &self.id, sequence: self.sequence, attempts: self.record.attempts }
    }

    #[cfg(test)]
    pub(crate) fn for_test(sequence: u64, subject: &str, headers: HeaderMap, json: &[u8]) -> Self {
        Self {
            sequence,
            stored: 0,
            subject: subject.into(),
            reply: String::new(),
            headers: Some(headers),
            payload: Bytes::copy_from_slice(json),
            id: sequence.to_string(),
            json: json.to_vec(),
            record: Record::default(),
            settled: false,
        }
    }
}

/// Cuts `held` into calls of at most `bytes_max`; messages that must be alone come last.
pub(crate) fn cut(held: &mut [Held], bytes_max: usize) -> Vec<Range<usize>> {
    held.sort_by_key(|held| (held.record.alone, held.sequence));
    let mut calls: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0_usize;
    for (i, one) in held.iter().enumerate() {
        let size = one.json.len() + 1;
        match calls.last_mut() {
            Some(call) if !one.record.alone && bytes + size <= bytes_max => {
                bytes += size;
                call.end = i + 1;
            }
            _ => {
                bytes = size;
                calls.push(i..i + 1);
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sizes: &[usize], alone: &[u64], bytes_max: usize, expected: &[&[u64]]) {
        let mut held: Vec<Held> = (1..)
            .zip(sizes)
            .map(|(sequence, &size)| {
                let mut held = Held::for_test(sequence, "s", HeaderMap::new(), &vec![b'x'; size]);
                held.record.alone = alone.contains(&sequence);
                held
            })
            .collect();
        let calls = cut(&mut held, bytes_max);
        let sequences = |call: Range<usize>| held[call].iter().map(|one| one.sequence).collect();
        let calls: Vec<Vec<u64>> = calls.into_iter().map(sequences).collect();
        assert_eq!(calls, expected);
    }

    #[test]
    fn records_of_messages_that_never_come_back_are_forgotten() {
        let records = Records::default();
        let failed = Record { attempts: 1, ..Record::default() };
        for sequence in 1..=3 {
            records.set(sequence, failed);
        }
        records.settled(2);
        let found = [1, 2, 3].map(|sequence| records.get(sequence).attempts);
        assert_eq!(found, [0, 0, 1]);
        for sequence in 0..2 * RECORDS_MAX as u64 {
            records.set(10 + sequence, failed);
        }
        assert_eq!(records.lock().len(), RECORDS_MAX);
        assert_eq!(records.get(9 + 2 * RECORDS_MAX as u64), failed);
    }

    #[test]
    fn calls_are_cut_by_bytes_and_suspects_go_alone() {
        check(&[], &[], 10, &[]);
        check(&[4, 4, 4], &[], 10, &[&[1, 2], &[3]]);
        check(&[4, 99, 4], &[], 10, &[&[1], &[2], &[3]]);
        check(&[1, 1, 1, 1], &[2, 3], 100, &[&[1, 4], &[2], &[3]]);
        check(&[1, 1], &[1, 2], 100, &[&[1], &[2]]);
    }

    #[test]
    fn messages_with_one_id_go_together() {
        let mut held: Vec<Held> = (1..=5)
            .map(|sequence| {
                let mut held = Held::for_test(sequence, "s", HeaderMap::new(), b"1");
                held.id = "a".to_owned();
                held
            })
            .collect();
        let sizes: Vec<usize> = cut(&mut held, 100).into_iter().map(|call| call.len()).collect();
        assert_eq!(sizes, [5]);
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(stored_at(1_500_000_000), "1970-01-01T00:00:01.500Z");
        assert_eq!(stored_at(0), "1970-01-01T00:00:00Z");
    }
}
