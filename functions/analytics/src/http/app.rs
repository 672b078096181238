//! What the handlers share.

use crate::invoiced::Invoiced;
use crate::sales::Sales;
use crate::windows::{Asked, Clock, List, Windows, list};
use archive::Archive;
use messaging::store::{Fault, Store};
use runtime::Problem;
use state::fold::{Fold, Folded, NotRead};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long an answer waits until all is read that was stored before it was asked for.
const WAIT: Duration = Duration::from_secs(2);
/// Who may listen at once.
pub(super) const LISTENERS_MAX: usize = 32;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(super) store: Arc<Store>,
    pub(super) sales: Folded<Sales>,
    pub(super) invoiced: Folded<Invoiced>,
    pub(super) windows: Arc<Folded<Windows>>,
    pub(super) clock: Clock,
    pub(super) archive: Arc<Archive>,
    /// Places for those who listen.
    pub(super) listeners: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        store: Arc<Store>,
        sales: Folded<Sales>,
        invoiced: Folded<Invoiced>,
        windows: Arc<Folded<Windows>>,
        clock: Clock,
        archive: Arc<Archive>,
    ) -> Self {
        let listeners = Arc::new(Semaphore::new(LISTENERS_MAX));
        Self { store, sales, invoiced, windows, clock, archive, listeners }
    }

    /// The windows that are asked for.
    pub(super) fn list(&self, asked: &Asked) -> List {
        let now = self.clock.now();
        self.windows.look(|shards| list(shards, asked, now))
    }

    /// Nothing is said of another store, or of an older copy of it.
    pub(super) async fn check(&self) -> Result<(), Problem> {
        if let Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) = self.store.check().await {
            tracing::error!(%fault, "nothing is told");
            return Err(Problem::unavailable(fault.to_string()));
        }
        Ok(())
    }
}

/// Waits until all is read that is stored now.
pub(super) async fn current<F: Fold>(fold: &Folded<F>) -> Result<(), Problem> {
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
