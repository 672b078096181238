//! Moves the position of a lane in which no order is placed for a long time.
//!
//! Otherwise the stream's retention passes the position some day. After the next start, an order that
//! expired undecided could then not be told from orders of other lanes. Each move is an entry in the
//! function's journal, so it is made seldom.

use std::time::Duration;
use tokio::time::Instant;

/// How long a lane must be quiet before the position moves: a leader that was replaced may still answer
/// for a moment.
pub const AFTER: Duration = Duration::from_secs(60);
/// How often the position of a quiet lane moves.
const EVERY: Duration = Duration::from_secs(12 * 60 * 60);

/// What is known about a quiet lane.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// When the lane was first found empty, and up to which sequence.
    seen: Option<(Instant, u64)>,
    /// When the position last moved.
    moved: Option<Instant>,
}

impl Quiet {
    /// Nothing was found after `after`, up to `to`.
    pub(super) fn seen(&mut self, after: u64, to: u64) {
        if self.seen.is_none() && after < to {
            self.seen = Some((Instant::now(), to));
        }
    }

    /// The position moved.
    pub(super) fn moved(&mut self) {
        self.seen = None;
        self.moved = Some(Instant::now());
    }

    /// The position that a function at `position` may move to, once nothing came for `after`.
    pub(super) fn offer(&self, position: u64, after: Duration) -> Option<u64> {
        let (_, to) = self.seen.filter(|(at, to)| after <= at.elapsed() && position < *to)?;
        // It is unknown how long the lane was quiet before a start, so the first move comes soon.
        self.moved.is_none_or(|moved| EVERY <= moved.elapsed()).then_some(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_quiet_lane_moves_soon_after_a_start_and_then_twice_a_day() {
        let mut quiet = Quiet::default();
        quiet.seen(5, 9);
        assert_eq!(quiet.offer(5, AFTER), None, "it was seen only now");
        advance(AFTER).await;
        quiet.seen(5, 12);
        assert_eq!(quiet.offer(5, AFTER), Some(9), "what came since may not be all");
        quiet.moved();
        for _ in 0..2 {
            quiet.seen(9, 20);
            advance(EVERY / 2).await;
            assert_eq!(quiet.offer(9, AFTER), None);
            advance(EVERY / 2).await;
            assert_eq!(quiet.offer(9, AFTER), Some(20));
            quiet.moved();
        }
        quiet.seen(20, 20);
        advance(EVERY).await;
        assert_eq!(quiet.offer(20, AFTER), None, "there is nothing to move over");
    }
}
