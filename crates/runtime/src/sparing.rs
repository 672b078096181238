//! Limits log lines that any client can cause: a few per second, then only a count.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most lines per second.
const LINES_MAX: u32 = 20;
const SECOND: Duration = Duration::from_secs(1);

/// Decides which lines are written.
#[derive(Debug)]
pub(crate) struct Sparing(Mutex<State>);

#[derive(Debug)]
struct State {
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Sparing {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { since: None, lines: 0, left_out: 0 }))
    }

    /// How many lines were omitted before this one; `None` if this one is omitted, too.
    pub(crate) fn line(&self, now: Instant) -> Option<u64> {
        let mut state = self.lock();
        if state.since.is_none_or(|since| since + SECOND <= now) {
            (state.since, state.lines) = (Some(now), 0);
        }
        if LINES_MAX <= state.lines {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omitted_lines_are_counted_in_the_next_line() {
        let (sparing, start) = (Sparing::new(), Instant::now());
        let written = (0..1_000).filter_map(|_| sparing.line(start)).collect::<Vec<_>>();
        assert_eq!(written, [0; 20]);
        assert_eq!(sparing.line(start + SECOND / 2), None);
        assert_eq!(sparing.line(start + SECOND), Some(981));
        assert_eq!(sparing.line(start + SECOND), Some(0));
    }
}
