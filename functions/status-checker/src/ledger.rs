//! What became of the files: a fold of the ledger's records, which say all that the events of a file say.

use intake::ledger::Record;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use state::fold::{Event, Fold, Reading, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the subjects of records begin with.
const PREFIX: &str = "$KV.FILES_LEDGER.";
/// Header of a mark that takes the place of a record.
const OPERATION: &str = "KV-Operation";
/// Most files of a shard: those that changed last.
const SHARD_MAX: usize = FILES_MAX / Files::SHARDS;
/// Most files that are held; a record takes about 800 bytes.
pub(crate) const FILES_MAX: usize = 50_000;

/// The fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files;

/// The newest record of each file, as JSON: few of their fields are ever looked at.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Records {
    records: BTreeMap<Box<str>, (u64, Box<RawValue>)>,
    kept_from: u64,
    /// Their keys by sequence.
    #[serde(skip)]
    by_sequence: BTreeMap<u64, Box<str>>,
}

/// What became of a record.
#[derive(Debug)]
pub(crate) enum Said {
    Is(Box<RawValue>),
    Removed,
}

impl Fold for Files {
    type State = Records;
    type Said = Said;

    const NAME: &'static str = "files";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: "KV_FILES_LEDGER", filter: "$KV.FILES_LEDGER.>", headers_only: false }];
    const SHARDS: usize = 8;

    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, Said> {
        let Some(key) = event.subject.strip_prefix(PREFIX) else { return Ok(None) };
        let payload = event.payload()?;
        if payload.is_empty() || event.header(OPERATION).is_some() {
            return Ok(Some((Cow::Borrowed(key), Said::Removed)));
        }
        let wrong = |error: serde_json::Error| error.to_string();
        serde_json::from_slice::<Record>(payload).map_err(wrong)?;
        let record = serde_json::from_slice(payload).map_err(wrong)?;
        Ok(Some((Cow::Borrowed(key), Said::Is(record))))
    }

    fn apply(&self, state: &mut Records, event: &Event<'_>, said: Said) -> Result<(), String> {
        let key = event.subject.strip_prefix(PREFIX).unwrap_or(event.subject);
        match said {
            Said::Removed => state.remove(key),
            Said::Is(record) => {
                state.insert(key, event.sequence, record);
                state.forget(event.kept_from);
            }
        }
        Ok(())
    }

    fn held(state: &Records) -> usize {
        state.records.len()
    }
}

impl Records {
    fn insert(&mut self, key: &str, sequence: u64, record: Box<RawValue>) {
        self.remove(key);
        self.by_sequence.insert(sequence, key.into());
        self.records.insert(key.into(), (sequence, record));
    }

    fn remove(&mut self, key: &str) {
        self.index();
        if let Some((sequence, _)) = self.records.remove(key) {
            self.by_sequence.remove(&sequence);
        }
    }

    /// A checkpoint holds the records only.
    fn index(&mut self) {
        if self.by_sequence.len() != self.records.len() {
            let keys = self.records.iter().map(|(key, (sequence, _))| (*sequence, key.clone()));
            self.by_sequence = keys.collect();
        }
    }

    /// Those that have left the bucket leave here as well, and the oldest of too many.
    fn forget(&mut self, kept_from: u64) {
        self.kept_from = self.kept_from.max(kept_from);
        while let Some(oldest) = self.by_sequence.first_entry() {
            if self.kept_from <= *oldest.key() && self.records.len() <= SHARD_MAX {
                return;
            }
            self.records.remove(&oldest.remove());
        }
    }
}

/// The records of all shards that are wanted, in the order in which their files arrived.
pub(crate) fn all(shards: &[&Records], wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
    let records = shards.iter().flat_map(|shard| shard.records.values());
    let records = records.filter_map(|(_, record)| serde_json::from_str(record.get()).ok());
    let mut records: Vec<Record> = records.filter(wanted).collect();
    records.sort_by(|a, b| (a.arrived_at, &a.arrival).cmp(&(b.arrived_at, &b.arrival)));
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Box<RawValue> {
        RawValue::from_string("{}".into()).unwrap()
    }

    fn keys(state: &Records) -> Vec<&str> {
        let by_sequence: Vec<&str> = state.by_sequence.values().map(|key| &**key).collect();
        assert_eq!(by_sequence.len(), state.records.len());
        assert!(by_sequence.iter().all(|key| state.records.contains_key(*key)));
        by_sequence
    }

    #[test]
    fn those_that_changed_last_stay_also_after_a_start() {
        let mut state = Records::default();
        for (sequence, key) in [(1, "a"), (2, "b"), (3, "c"), (4, "a")] {
            state.insert(key, sequence, record());
        }
        let text = serde_json::to_string(&state).unwrap();
        let mut state: Records = serde_json::from_str(&text).unwrap();
        state.insert("d", 5, record());
        state.remove("c");
        assert_eq!(keys(&state), ["b", "a", "d"]);
        state.forget(4);
        assert_eq!(keys(&state), ["a", "d"]);
        let many = SHARD_MAX as u64;
        for sequence in 6..6 + many {
            state.insert(&format!("k{sequence}"), sequence, record());
            state.forget(0);
        }
        assert_eq!(keys(&state).len(), SHARD_MAX);
        assert_eq!(keys(&state)[0], "k6");
    }
}
