//! Takes the steps that a process began and did not end.

use super::entry::Entry;
use super::{Record, Records};
use crate::follow::{Follow, Step};
use crate::wire::{Unclear, Wire};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// How often is looked for them. A writer has as long for all of its steps before it gets help.
const LOOK: Duration = Duration::from_secs(2);

/// Knows which entries have steps left.
#[derive(Debug)]
pub struct Sweep<T, W> {
    records: Records<T, W>,
    follow: Follow,
    /// By their keys, with the sequence of the entry.
    open: BTreeMap<String, u64>,
}

impl<T: Record, W: Wire> Records<T, W> {
    /// Takes steps that were left, for ever. Every replica of a function runs it; together they do the same.
    pub async fn keep_settled(self) {
        let mut sweep = self.sweep();
        loop {
            if let Err(error) = sweep.step().await {
                tracing::warn!(%error, bucket = T::BUCKET, "changes of records are settled later");
            }
            sleep(LOOK).await;
        }
    }

    /// For [`Records::keep_settled`], step by step.
    #[must_use]
    pub fn sweep(&self) -> Sweep<T, W> {
        Sweep { records: self.clone(), follow: Follow::default(), open: BTreeMap::new() }
    }
}

impl<T: Record, W: Wire> Sweep<T, W> {
    /// Settles what had steps left at the last call and has not changed since. The result is how many
    /// records have steps left now.
    ///
    /// # Errors
    /// No answer. Records that cannot be read are passed over, and named in the log.
    pub async fn step(&mut self) -> Result<usize, Unclear> {
        let before = self.open.clone();
        let (stream, prefix) = (Records::<T, W>::stream(), Records::<T, W>::prefix());
        let mut changes = Vec::new();
        let mut each = |message: crate::wire::Message| {
            let entry: Option<Entry<T>> = serde_json::from_slice(&message.payload).ok();
            let is_open = entry.is_some_and(|entry| !entry.is_settled());
            if let Some(key) = message.subject.strip_prefix(&prefix) {
                changes.push((key.to_owned(), message.sequence, is_open));
            }
        };
        let filter = format!("{prefix}>");
        let wire = &self.records.wire;
        if self.follow.step(wire, &stream, &filter, &mut each).await? == Step::All {
            self.open.clear();
        }
        for (key, sequence, is_open) in changes {
            self.open.remove(&key);
            if is_open {
                self.open.insert(key, sequence);
            }
        }
        for (key, _) in self.open.iter().filter(|(key, at)| before.get(*key) == Some(*at)) {
            if let Err(error) = self.records.settled(key).await {
                tracing::warn!(%error, bucket = T::BUCKET, key, "a record is settled later");
            }
        }
        Ok(self.open.len())
    }
}
