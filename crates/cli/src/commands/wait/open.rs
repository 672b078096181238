//! What is not finished, in words.

use std::collections::BTreeMap;
use std::fmt;

use domain::WarehouseId;
use machine::clock;
use messaging::backlog::Backlog;

/// A message that waits for so long is worth a word.
const OLD_SECONDS: i64 = 10;

/// What is not finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// Files that have arrived and are not transformed, by partner and name.
    pub(super) files: Vec<String>,
    /// Messages that a function has not answered yet, by subject.
    pub(super) messages: BTreeMap<&'static str, Waiting>,
    /// Orders that are placed and not decided, by warehouse.
    pub(super) lanes: BTreeMap<WarehouseId, Waiting>,
    /// Orders that are decided, and what was decided is not stored yet.
    pub(super) unsaid: u64,
    /// Messages about orders that billing has not read, by warehouse.
    pub(super) invoices: BTreeMap<WarehouseId, Waiting>,
    /// What could not be asked just now.
    pub(super) unknown: Option<String>,
}

/// How much waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) count: u64,
    /// The age of the oldest message, in seconds.
    pub(super) seconds: Option<i64>,
}

impl Waiting {
    /// Nothing if nothing waits.
    pub(super) fn of(backlog: &Backlog) -> Option<Self> {
        let now_ms = clock::now().timestamp_millis();
        let seconds = backlog.oldest.map(|oldest| oldest.age_seconds(now_ms));
        let count = backlog.count();
        (0 < count).then_some(Self { count, seconds })
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.seconds = self.seconds.max(other.seconds);
    }

    /// `, the oldest for 95 s`, if that is worth a word.
    pub(super) fn age(&self) -> String {
        let old = self.seconds.filter(|seconds| OLD_SECONDS <= *seconds);
        old.map(|seconds| format!(", the oldest for {seconds} s")).unwrap_or_default()
    }
}

impl Open {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Orders that have no outcome.
    pub(super) fn orders(&self) -> u64 {
        self.lanes.values().map(|waiting| waiting.count).sum::<u64>() + self.unsaid
    }
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.files.as_slice() {
            [] => {}
            [file] => parts.push(format!("file {file}")),
            [file, rest @ ..] => parts.push(format!("file {file} and {} more", rest.len())),
        }
        for (subject, waiting) in &self.messages {
            parts.push(format!("{} messages on {subject}{}", waiting.count, waiting.age()));
        }
        for (warehouse, waiting) in &self.lanes {
            let (count, age) = (waiting.count, waiting.age());
            parts.push(format!("{count} orders of warehouse {warehouse} not decided{age}"));
        }
        if self.unsaid > 0 {
            parts.push(format!("{} orders whose outcome is not stored yet", self.unsaid));
        }
        for (warehouse, waiting) in &self.invoices {
            let (count, age) = (waiting.count, waiting.age());
            parts.push(format!(
                "{count} messages about orders of warehouse {warehouse} not read by billing{age}"
            ));
        }
        parts.extend(self.unknown.clone());
        f.write_str(&parts.join(", "))
    }
}
