//! What people may ask.

mod files;
mod orders;
mod query;

pub(crate) use files::status;
pub(crate) use orders::{counts, list, one};

use crate::{ledger, orders::Orders};
use intake::partners::{Configuration, Live};
use messaging::Nats;
use messaging::store::{Fault, Store};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::{Problem, Stop};
use state::fold::{Fold, Folded, NotRead};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Large answers, and looks into depots, that are made at a time; others wait.
const LOOKS_MAX: usize = 4;

/// How long an answer may take to be up to date when the function is asked to end.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) nats: Nats,
    /// What another store, or an older copy, says is not told.
    pub(crate) store: Arc<Store>,
    pub(crate) partners: Live<Arc<Configuration>>,
    pub(crate) orders: Folded<Orders>,
    pub(crate) files: Folded<ledger::Files>,
    pub(crate) looks: Looks,
}

/// Looks at partners' folders.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Places for answers in the making, each of which may hold everything.
    places: Semaphore,
    /// Files in all depots, as they were seen last.
    depot_files: Gauge,
}

impl Looks {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let depot_files = Gauge::default();
        registry.register("depot_files", "Files in all depots", depot_files.clone());
        Self { places: Semaphore::new(LOOKS_MAX), depot_files }
    }
}

impl App {
    /// Nothing is told of another store, or of an older copy of it.
    async fn check(&self) -> Result<(), Problem> {
        if let Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) = self.store.check().await {
            tracing::error!(%fault, "nothing is told");
            return Err(Problem::unavailable(fault.to_string()));
        }
        Ok(())
    }
}

/// Waits until everything is read that is stored now. When the function is asked to end, no longer than
/// [`LAST_WAIT`].
async fn current<F: Fold>(fold: &Folded<F>, wait: Duration, stop: &Stop) -> Result<(), Problem> {
    let current = tokio::select! {
        current = fold.current(wait) => current,
        () = stop.draining() => fold.current(wait.min(LAST_WAIT)).await,
    };
    current.map_err(|not_read| match not_read {
        NotRead::Reading { read, of } => {
            let percent = (read * 100).checked_div(of).unwrap_or(0);
            let what = F::NAME;
            let how_far = match of {
                0 => "what was kept is being loaded".to_owned(),
                of => format!("{percent} %, {read} of {of} messages"),
            };
            let text = format!(
                "the {what} are still being read: {how_far}; an order of which you know the number is \
                 answered at once at /orders/PARTNER/ORDER"
            );
            let progress = serde_json::json!({"read": read, "of": of, "percent": percent});
            Problem::unavailable(text).with("progress", progress)
        }
        NotRead::Silent(reason) => {
            tracing::error!(reason, "no status");
            Problem::unavailable("NATS does not answer")
        }
        ended @ NotRead::Ended => {
            tracing::error!(fold = F::NAME, "{ended}");
            Problem::internal().detail(ended.to_string())
        }
    })
}
