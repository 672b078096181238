//! The streams of a test.

use messaging::Nats;
use messaging::streams::{Settings, setup};
use std::time::{Duration, Instant};

/// How long a new cluster may take to give streams to all its members.
const MAX: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(100);

/// Makes all streams and buckets, as `orderflow setup` does: what a server refuses for the moment is asked for again. A
/// new cluster does that while its leader has not heard of each member.
///
/// # Panics
/// If one cannot be made.
pub async fn make(nats: &Nats, settings: Settings) {
    let began = Instant::now();
    loop {
        let steps = setup(nats, settings.clone()).await;
        let Some(failed) = steps.iter().find(|step| step.outcome.is_err()) else { return };
        assert!(!failed.refused && began.elapsed() < MAX, "{failed}");
        tokio::time::sleep(AGAIN).await;
    }
}
