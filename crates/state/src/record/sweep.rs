//! Takes the steps that a process began and did not end.

use super::entry::Entry;
use super::{Error, Record, Records};
use crate::follow::{Follow, Step};
use crate::wire::{Unclear, Wire};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// How often is looked for them. A writer has as long for all of its steps before it gets help, and to see that
/// it was refused; one that is slower proposes again.
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

    /// Takes the steps that an entry has left, and removes one that says nothing any more. Is one there?
    async fn close(&self, key: &str) -> Result<bool, Error> {
        let (sequence, Some(entry)) = self.settled(key).await? else { return Ok(false) };
        if !entry.is_void() {
            return Ok(true);
        }
        // If it is written again since, that stays.
        self.wire.remove(&Self::stream(), &Self::subject(key), sequence).await?;
        Ok(false)
    }

    /// For [`Records::keep_settled`], step by step.
    #[must_use]
    pub fn sweep(&self) -> Sweep<T, W> {
        Sweep { records: self.clone(), follow: Follow::default(), open: BTreeMap::new() }
    }
}

impl<T: Record, W: Wire> Sweep<T, W> {
    /// Settles what had steps left at the last call and has not changed since, and removes entries of records
    /// that never were, since all that was proposed was refused. The result is how many are left now.
    ///
    /// # Errors
    /// No answer. Records that cannot be read are passed over, and named in the log.
    pub async fn step(&mut self) -> Result<usize, Unclear> {
        let before = self.open.clone();
        let (stream, prefix) = (Records::<T, W>::stream(), Records::<T, W>::prefix());
        let mut changes = Vec::new();
        let mut each = |_, message: crate::wire::Message| {
            let entry: Option<Entry<T>> = serde_json::from_slice(&message.payload).ok();
            let is_open = entry.is_some_and(|entry| !entry.is_settled() || entry.is_void());
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
        let due = self.open.iter().filter(|(key, at)| before.get(*key) == Some(*at));
        let due: Vec<String> = due.map(|(key, _)| key.clone()).collect();
        for key in due {
            match self.records.close(&key).await {
                Ok(true) => {}
                // No message tells that it is gone.
                Ok(false) => drop(self.open.remove(&key)),
                Err(error) => {
                    tracing::warn!(%error, bucket = T::BUCKET, key, "a record is settled later");
                }
            }
        }
        Ok(self.open.len())
    }
}
