//! Starts again what ends without being asked to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::state::Site;

/// Who lives longer than this has started well.
const LONG: Duration = Duration::from_secs(10);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How long to wait before the next start.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    short_lives: u32,
}

impl Pauses {
    /// After a life of `lived`: nothing the first time, longer each time it ends soon again.
    pub(crate) fn next(&mut self, lived: Duration) -> Duration {
        if LONG <= lived {
            self.short_lives = 0;
        }
        self.short_lives += 1;
        match self.short_lives {
            1 => Duration::ZERO,
            n => PAUSE_MIN.saturating_mul(1 << (n - 2).min(10)).min(PAUSE_MAX),
        }
    }
}

/// Lives `life` again and again until `stop`; what is wrong goes to the log and to `site`.
pub(crate) async fn keep<F>(
    site: Arc<Site>,
    name: &str,
    stop: CancellationToken,
    mut life: impl FnMut() -> F,
) where
    F: Future<Output = anyhow::Result<()>>,
{
    let mut pauses = Pauses::default();
    while !stop.is_cancelled() {
        let started = Instant::now();
        let ended = life().await;
        if stop.is_cancelled() {
            return;
        }
        let reason = match ended {
            Ok(()) => "it ended".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        let pause = pauses.next(started.elapsed());
        tracing::error!(name, reason, ?pause, "starting it again");
        site.ended(name, reason);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_death_costs_no_time_and_repeated_ones_more_and_more() {
        let mut pauses = Pauses::default();
        let short: Vec<_> =
            (0..9).map(|_| pauses.next(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(short, [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000]);
        assert_eq!(pauses.next(LONG), Duration::ZERO);
        assert_eq!(pauses.next(Duration::ZERO), PAUSE_MIN);
    }
}
