//! What became of the files: a fold of the ledger's records, which say all that the events of a file say.

use intake::ledger::Record;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use state::fold::{Event, Fold, Source};
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
}

impl Fold for Files {
    type State = Records;

    const NAME: &'static str = "files";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: "KV_FILES_LEDGER", filter: "$KV.FILES_LEDGER.>", headers_only: false }];
    const SHARDS: usize = 8;

    fn key<'e>(&self, event: &Event<'e>) -> Result<Option<Cow<'e, str>>, String> {
        Ok(event.subject.strip_prefix(PREFIX).map(Cow::Borrowed))
    }

    fn apply(&self, state: &mut Records, event: &Event<'_>) -> Result<(), String> {
        let key = event.subject.strip_prefix(PREFIX).unwrap_or(event.subject);
        if event.payload.is_empty() || event.header(OPERATION).is_some() {
            state.records.remove(key);
            return Ok(());
        }
        let wrong = |error: serde_json::Error| error.to_string();
        serde_json::from_slice::<Record>(event.payload).map_err(wrong)?;
        let record = serde_json::from_slice(event.payload).map_err(wrong)?;
        state.records.insert(key.into(), (event.sequence, record));
        state.forget(event.kept_from);
        Ok(())
    }

    fn held(state: &Records) -> usize {
        state.records.len()
    }
}

impl Records {
    /// Those that have left the bucket leave here as well, and the oldest of too many.
    fn forget(&mut self, kept_from: u64) {
        if self.kept_from < kept_from {
            self.kept_from = kept_from;
            self.records.retain(|_, (sequence, _)| kept_from <= *sequence);
        }
        while SHARD_MAX < self.records.len() {
            let oldest = self.records.iter().min_by_key(|(_, (sequence, _))| *sequence);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            self.records.remove(&oldest);
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
