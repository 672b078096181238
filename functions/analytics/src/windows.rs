//! Windows of time: what was invoiced in each five seconds, by when it was stored.
//!
//! A fold of `invoices.issued.>` and of what was said of windows before, on `analytics.invoices.5s.>`. A window that is
//! over has one **final** result, on a subject of its own and with nothing expected there: whoever is first says it, and
//! nobody says it again. It names the sequence of INVOICES up to which it has counted. A document of this window that is
//! stored behind that sequence, because the clock of the new leader is behind, is a **correction** on a subject of its
//! own. Which documents those are follows from the final result alone, so any replica may say them, at any time, and
//! each is said once. The result of a window is its final result and its corrections.
//!
//! All that is held is a maximum or a sum, so that it does not matter which of the two streams is read first.

mod close;
mod message;
mod over;
mod shown;
#[cfg(test)]
mod tests;

pub(crate) use close::{Clock, Closer, Metrics};
pub(crate) use shown::{Asked, List, Live, Size, list};

use crate::invoiced::Sums;
use crate::issued;
use messaging::{header, streams};
use serde::{Deserialize, Serialize};
use state::fold::{Event, Fold, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The length of a window, in seconds.
pub(crate) const SECONDS: i64 = 5;
/// How long a window is held behind the newest document, in seconds: a week. What is older has its result in the stream
/// ANALYTICS.
pub(crate) const HELD_SECONDS: i64 = 7 * 24 * 3_600;
/// About what a second takes, with one currency, and its part of a window.
pub(crate) const SECOND_BYTES: usize = 160;
const DOCUMENTS: usize = 0;

/// The fold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows;

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
    fn forget(&mut self) {
        let from = self.last_ms / 1_000 - HELD_SECONDS;
        if self.seconds.first_key_value().is_some_and(|(second, _)| *second < from) {
            self.seconds = self.seconds.split_off(&from);
        }
        if self.windows.first_key_value().is_some_and(|(start, _)| *start < from) {
            self.windows = self.windows.split_off(&from);
        }
    }
}

impl Fold for Windows {
    type State = Hours;

    const NAME: &'static str = "windows";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] = &[
        Source { stream: streams::INVOICES, filter: "invoices.issued.>", headers_only: true },
        Source { stream: streams::ANALYTICS, filter: message::FILTER, headers_only: true },
    ];
    const SHARDS: usize = 32;

    /// The hour.
    fn key<'e>(&self, event: &Event<'e>) -> Result<Option<Cow<'e, str>>, String> {
        let second = match event.source {
            DOCUMENTS if !header::is_fact(event.headers) => return Ok(None),
            DOCUMENTS => event.time_ms.div_euclid(1_000),
            _ => match message::start(event.subject) {
                Some(start) => start,
                None => return Ok(None),
            },
        };
        Ok(Some(Cow::Owned(second.div_euclid(3_600).to_string())))
    }

    fn apply(&self, hours: &mut Hours, event: &Event<'_>) -> Result<(), String> {
        if event.source == DOCUMENTS {
            let issued = issued::read(event)?;
            let second = event.time_ms.div_euclid(1_000);
            hours.read_to = event.sequence;
            hours.last_ms = event.time_ms;
            hours.seconds.entry(second).or_default().add(&issued);
            let known = hours.windows.entry(window_of(second)).or_default();
            known.last = known.last.max(event.sequence);
        } else if let Some((start, said)) = message::read(event)? {
            let known = hours.windows.entry(start).or_default();
            match said {
                message::Said::Final { to } => known.final_to = known.final_to.max(to),
                message::Said::Correction { of } => {
                    known.corrected_to = known.corrected_to.max(of);
                }
            }
        }
        hours.forget();
        Ok(())
    }

    fn held(hours: &Hours) -> usize {
        hours.seconds.len()
    }
}
