//! Which windows are over, and what their results are. No IO and no clock.

use super::hours::{Hours, Known, SECONDS, last_ms};
use super::message::{self, ClosedBy};
use crate::invoiced::Sums;
use messaging::publish::Outgoing;
use std::time::Duration;

/// How long a window waits for documents after its end, by the time at which they are stored.
pub(crate) const LATENESS: Duration = Duration::from_secs(2);
/// Is a time span that ends with this second over at `now_ms`?
pub(super) fn is_over(end: i64, now_ms: i64) -> bool {
    let lateness = i64::try_from(LATENESS.as_millis()).unwrap_or(i64::MAX);
    end.saturating_mul(1_000).saturating_add(lateness) <= now_ms
}

/// A window that is over, and not settled.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) start: i64,
    pub(super) known: Known,
    sums: Sums,
    /// Its sums count all documents up to this one.
    pub(super) read_to: u64,
    closed_by: ClosedBy,
}

/// Windows that are over at `now_ms` and not settled, the oldest first, at most `max`. Those for which `is_done` says so,
/// by when they begin and by their newest document, are left out.
pub(super) fn over(
    shards: &[&Hours],
    now_ms: i64,
    is_done: impl Fn(i64, u64) -> bool,
    max: usize,
) -> Vec<Over> {
    let newest = last_ms(shards).map_or(0, |(_, ms)| ms);
    let mut over = Vec::new();
    for hours in shards {
        let open = hours.windows.iter().filter(|(start, known)| {
            let is_unsettled = 0 < known.last && !known.is_settled();
            is_unsettled && is_over(**start + SECONDS, now_ms) && !is_done(**start, known.last)
        });
        over.extend(open.map(|(start, known)| {
            let by_position = is_over(start + SECONDS, newest);
            Over::new(hours, *start, *known, by_position)
        }));
    }
    over.sort_by_key(|over| over.start);
    over.truncate(max);
    over
}

impl Over {
    fn new(hours: &Hours, start: i64, known: Known, by_position: bool) -> Self {
        let mut sums = Sums::default();
        for (_, of_second) in hours.seconds.range(start..start + SECONDS) {
            sums.merge(of_second);
        }
        let closed_by = if by_position { ClosedBy::Position } else { ClosedBy::Clock };
        Self { start, known, sums, read_to: hours.read_to, closed_by }
    }

    /// Its final result.
    pub(super) fn result(&self) -> Outgoing {
        message::result(self.start, &self.sums, self.read_to, self.closed_by)
    }
}
