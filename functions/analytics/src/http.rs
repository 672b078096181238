//! What people may ask.

mod lists;
mod live;
mod query;
mod totals;
mod windows;

pub(crate) use lists::{by, customers};
pub(crate) use totals::{health, totals};
pub(crate) use windows::windows;

use crate::invoiced::Invoiced;
use crate::sales::Sales;
use crate::windows::{Clock, Windows};
use messaging::store::{Fault, Store};
use runtime::Problem;
use state::fold::{Fold, Folded, NotRead};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long an answer waits until all is read that was stored before it was asked for.
const WAIT: Duration = Duration::from_secs(2);

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    store: Arc<Store>,
    sales: Folded<Sales>,
    invoiced: Folded<Invoiced>,
    windows: Arc<Folded<Windows>>,
    clock: Clock,
    /// Places for those who listen.
    listeners: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        store: Arc<Store>,
        sales: Folded<Sales>,
        invoiced: Folded<Invoiced>,
        windows: Arc<Folded<Windows>>,
        clock: Clock,
    ) -> Self {
        let listeners = Arc::new(Semaphore::new(live::LISTENERS_MAX));
        Self { store, sales, invoiced, windows, clock, listeners }
    }

    /// Nothing is said of another store, or of an older copy of it.
    async fn check(&self) -> Result<(), Problem> {
        if let Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) = self.store.check().await {
            tracing::error!(%fault, "nothing is told");
            return Err(Problem::unavailable(fault.to_string()));
        }
        Ok(())
    }
}

/// Waits until all is read that is stored now.
async fn current<F: Fold>(fold: &Folded<F>) -> Result<(), Problem> {
    fold.current(WAIT).await.map_err(|not_read| match not_read {
        NotRead::Reading { read, of } => {
            let percent = (read * 100).checked_div(of).unwrap_or(0);
            let how_far = match of {
                0 => "what was kept is being loaded".to_owned(),
                of => format!("{percent} %, {read} of {of} messages"),
            };
            let text = format!("the {} are still being read: {how_far}; ask again", F::NAME);
            let progress = serde_json::json!({"read": read, "of": of, "percent": percent});
            Problem::unavailable(text).with("progress", progress)
        }
        NotRead::Silent(reason) => {
            tracing::error!(reason, "no figures");
            Problem::unavailable("NATS does not answer")
        }
        ended @ NotRead::Ended => {
            tracing::error!(fold = F::NAME, "{ended}");
            Problem::internal().detail(ended.to_string())
        }
    })
}
