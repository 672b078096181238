//! What asks `up` to end.

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM and SIGHUP, from when it is made.
pub(super) struct Signals {
    signals: [Signal; 3],
}

impl Signals {
    pub(super) fn install() -> Result<Self> {
        let install = |kind| signal(kind).context("cannot wait for signals");
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Self { signals: [install(interrupt)?, install(terminate)?, install(hangup)?] })
    }

    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
