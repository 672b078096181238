//! Which replica sends, and up to where the outbox is done with.
//!
//! The lease saves work; that nothing is sent twice does not depend on it.

use crate::lease::Lease;
use crate::wire::Wire;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::sleep;

/// Up to where the outbox is done with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Of which stream: the name of its identity.
    pub(super) stream: String,
    pub(super) sequence: u64,
}

/// Tells `mine` from which position the outbox is this replica's, and writes what `position` says, for ever.
/// [`Lease::release`] ends it.
pub(super) async fn keep<W: Wire>(
    lease: &mut Lease<W, Position>,
    mine: &watch::Sender<Option<Position>>,
    position: &watch::Receiver<Position>,
) {
    loop {
        let had = lease.is_held();
        let now = position.borrow().clone();
        match lease.step(&now).await {
            Ok(Some(from)) if !had => {
                tracing::info!(sequence = from.sequence, "lease of the outbox taken");
                mine.send_replace(Some(from));
            }
            Ok(Some(_)) => {}
            Ok(None) if had => {
                tracing::info!("lease of the outbox lost");
                mine.send_replace(None);
            }
            Ok(None) => {}
            Err(error) => {
                // The owner goes on: without the server nothing is sent anyway. One that another
                // replica has taken is lost, also if nothing more was heard.
                tracing::debug!(%error, "the lease is not written");
                if had && !lease.is_held() {
                    mine.send_replace(None);
                }
            }
        }
        sleep(lease.pause()).await;
    }
}
