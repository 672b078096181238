//! Writes each day into the archive when it is over, in each replica: whichever is first is the only one.

use archive::{Archive, Day, Error};
use chrono::Utc;
use messaging::store::{Fault, Store};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::Stop;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is looked whether a day is over.
const LOOK: Duration = Duration::from_secs(60);
/// How long after its end a day is written: what its servers stored by then is in it, whatever this process's clock says.
const AFTER: Duration = Duration::from_secs(5 * 60);
/// How long one day may take.
const DAY_MAX: Duration = Duration::from_secs(3_600);

const DAY_SECONDS: u64 = 24 * 3_600;

/// What is counted of the archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    behind: Gauge,
    written: Counter,
    failed: Counter,
    missing: Counter,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        let what = "Days that are over and not in the archive";
        registry.register("analytics_archive_days_behind", what, it.behind.clone());
        let what = "Days that this process wrote into the archive, or found written";
        registry.register("analytics_archive_days", what, it.written.clone());
        let what = "Attempts at writing a day into the archive that failed";
        registry.register("analytics_archive_failures", what, it.failed.clone());
        let what = "Messages that had expired before their day was written into the archive";
        registry.register("analytics_archive_missing_messages", what, it.missing.clone());
        it
    }
}

/// The task.
#[derive(Debug)]
pub(crate) struct Archiver {
    pub(crate) store: Arc<Store>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) metrics: Metrics,
}

impl Archiver {
    /// Runs until the function ends.
    pub(crate) async fn run(self, stop: Stop) {
        tokio::select! {
            () = self.rounds() => {}
            () = stop.requested() => {}
        }
    }

    async fn rounds(&self) {
        let (mut is_swept, mut succeeded) = (false, Instant::now());
        loop {
            match self.round(&mut is_swept).await {
                Ok(()) => succeeded = Instant::now(),
                Err(error) => {
                    self.metrics.failed.inc();
                    // Which days are there may be unknown as well.
                    let days = i64::try_from(succeeded.elapsed().as_secs() / DAY_SECONDS);
                    let behind = days.unwrap_or(i64::MAX).max(self.metrics.behind.get());
                    self.metrics.behind.set(behind);
                    log(&error);
                }
            }
            sleep(LOOK).await;
        }
    }

    /// Writes all days that are over.
    #[expect(
        clippy::disallowed_methods,
        reason = "whether a day is over is a question of the clock"
    )]
    async fn round(&self, is_swept: &mut bool) -> Result<(), Error> {
        if let Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) = self.store.check().await {
            return Err(Error::Ended(fault.to_string()));
        }
        while let Some(day) = self.archive.next().await? {
            let now = Utc::now() - AFTER;
            let behind = Day::of(now).since(day).max(0);
            self.metrics.behind.set(behind);
            if behind == 0 {
                break;
            }
            let writing = self.archive.write(day, day.end_ms());
            let written = tokio::time::timeout(DAY_MAX, writing).await;
            let written =
                written.map_err(|_| Error::Ended(format!("{day} took over an hour")))??;
            self.metrics.written.inc();
            let missing = written.orders.missing + written.invoices.missing;
            if 0 < missing {
                self.metrics.missing.inc_by(missing);
                tracing::error!(
                    alert = "archive",
                    %day,
                    missing,
                    "messages had expired before their day was archived"
                );
            }
            let files = written.files().count();
            tracing::info!(%day, files, sums = written.sums.rows, "a day is archived");
            *is_swept = false;
        }
        if !*is_swept {
            let removed = self.archive.sweep().await?;
            if 0 < removed {
                tracing::info!(removed, "objects that nobody names were removed from the archive");
            }
            *is_swept = true;
        }
        // So that a question finds little to do.
        self.archive.read_on().await
    }
}

fn log(error: &Error) {
    match error {
        Error::Other { .. } | Error::Older { .. } | Error::Damaged { .. } => {
            tracing::error!(alert = "archive", %error, "no day is archived");
        }
        error => tracing::warn!(%error, "a day is not archived yet"),
    }
}
