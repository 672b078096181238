//! What is held of windows. All of it is a maximum or a sum.

use crate::invoiced::Sums;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The length of a window, in seconds.
pub(crate) const SECONDS: i64 = 5;
/// How long a window is held behind the newest document, in seconds: a week. What is older has its result in the stream
/// ANALYTICS.
pub(crate) const HELD_SECONDS: i64 = 7 * 24 * 3_600;
/// About what a second takes, with one currency, and its part of a window.
pub(crate) const SECOND_BYTES: u64 = 160;
/// The hours of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Hours {
    /// The sequence of the newest document.
    pub(super) read_to: u64,
    /// When that was stored, milliseconds since 1970. Older ones may have been stored later, by a clock that was ahead.
    pub(super) last_ms: i64,
    /// By second since 1970.
    pub(super) seconds: BTreeMap<i64, Sums>,
    /// By the second with which they begin.
    pub(super) windows: BTreeMap<i64, Known>,
}

/// The time of the newest document, if there is one, milliseconds since 1970.
pub(super) fn last_ms(shards: &[&Hours]) -> Option<(u64, i64)> {
    let newest = shards.iter().max_by_key(|hours| hours.read_to);
    newest.filter(|hours| 0 < hours.read_to).map(|hours| (hours.read_to, hours.last_ms))
}

/// The second up to which windows have final results: whatever ends by then is over. 0 if there is none.
pub(super) fn final_to(shards: &[&Hours]) -> i64 {
    let newest = |hours: &&Hours| {
        let mut windows = hours.windows.iter().rev();
        windows.find(|(_, known)| 0 < known.final_to).map(|(start, _)| start + SECONDS)
    };
    shards.iter().filter_map(newest).max().unwrap_or(0)
}

/// What is known of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The sequence of its newest document; 0: none is read.
    #[serde(rename = "l")]
    pub(super) last: u64,
    /// Its final result has counted up to this sequence; 0: there is none.
    #[serde(rename = "f")]
    pub(super) final_to: u64,
    /// The sequence of the last document for which there is a correction. They are said in order.
    #[serde(rename = "c")]
    pub(super) corrected_to: u64,
}

impl Known {
    /// Is all that is read of it in its final result or in corrections?
    pub(crate) fn is_settled(self) -> bool {
        0 < self.final_to && self.last <= self.settled_to()
    }

    /// Up to this sequence all documents are in its final result or in corrections.
    pub(super) fn settled_to(self) -> u64 {
        self.final_to.max(self.corrected_to)
    }
}

/// The window of a second.
pub(crate) const fn window_of(second: i64) -> i64 {
    second - second.rem_euclid(SECONDS)
}

impl Hours {
    /// Forgets what is older than is held.
    pub(super) fn forget(&mut self) {
        let from = self.last_ms / 1_000 - HELD_SECONDS;
        if self.seconds.first_key_value().is_some_and(|(second, _)| *second < from) {
            self.seconds = self.seconds.split_off(&from);
        }
        if self.windows.first_key_value().is_some_and(|(start, _)| *start < from) {
            self.windows = self.windows.split_off(&from);
        }
    }
}
