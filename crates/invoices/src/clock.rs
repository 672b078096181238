//! Is this process' clock that of nats-server? A wrong clock would put a wrong day on documents that never change.

use chrono::{DateTime, TimeDelta, Utc};
use messaging::Nats;
use messaging::clock::server_time;
use messaging::stored::LookupError;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// By how much the clocks may differ.
pub const OFF_MAX: TimeDelta = TimeDelta::seconds(60);
/// How often they are compared.
const EVERY: Duration = Duration::from_secs(10);

/// Compares the clocks, now and then.
#[derive(Debug, Default)]
pub struct Clock {
    last: Mutex<Option<(Instant, TimeDelta)>>,
}

impl Clock {
    /// By how much this clock is ahead of the server's, at least; below zero: behind. Asked every 10 seconds.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn ahead(&self, nats: &Nats) -> Result<TimeDelta, LookupError> {
        let known = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ahead)) = known.filter(|(at, _)| at.elapsed() < EVERY) {
            return Ok(ahead);
        }
        let before = now();
        let server = server_time(nats).await?;
        let ahead = ahead(before, server, now());
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), ahead));
        Ok(ahead)
    }
}

/// By how much a clock is ahead at least that said `before` and `after` around the time at which a server said
/// `server`.
#[must_use]
pub fn ahead(before: DateTime<Utc>, server: DateTime<Utc>, after: DateTime<Utc>) -> TimeDelta {
    // The server said it at some time between: only what is outside of that is known.
    match () {
        () if server < before => before - server,
        () if after < server => after - server,
        () => TimeDelta::zero(),
    }
}

/// Why nothing is issued with a clock like this, if that is so.
#[must_use]
pub fn wrong(ahead: TimeDelta) -> Option<String> {
    let which = if ahead < TimeDelta::zero() { "behind" } else { "ahead of" };
    let seconds = ahead.num_seconds().abs();
    (OFF_MAX < ahead.abs()).then(|| {
        format!(
            "the clock of this process is {seconds} s {which} nats-server's, and {} s are allowed: nothing is issued. Set \
             the clock of the machine that is wrong (NTP)",
            OFF_MAX.num_seconds()
        )
    })
}

#[expect(clippy::disallowed_methods, reason = "it is what is compared")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: i64, server: i64, after: i64, expected: Option<&str>) {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let wrong = wrong(ahead(at(before), at(server), at(after)));
        assert_eq!(wrong.as_deref().map(|text| text.split(", and").next().unwrap()), expected);
    }

    #[test]
    fn only_what_no_slow_answer_explains_counts() {
        check(100, 100, 100, None);
        check(100, 160, 200, None);
        check(100, 400, 400, None);
        check(100, 160, 100, None);
        check(100, 161, 100, Some("the clock of this process is 61 s behind nats-server's"));
        check(200, 100, 201, Some("the clock of this process is 100 s ahead of nats-server's"));
    }
}
