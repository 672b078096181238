//! The clock, and threads for blocking work.

use crate::failure::Failure;
use chrono::{DateTime, Utc};

#[expect(clippy::disallowed_methods, reason = "leases are kept by the clock")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Runs blocking work outside the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Failure::Panicked)?
}
