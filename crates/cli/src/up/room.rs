//! nats-server after a full disk: it does not go on by itself, so it is started again when there is room.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use messaging::Nats;
use messaging::publish::{Outgoing, one};
use messaging::streams::CONNECTOR_LEASES;
use rustix::process::{Pid, Signal, kill_process};

use super::site::Site;
use crate::output;

/// How often it is asked whether it takes a message.
const LOOK: Duration = Duration::from_secs(5);
/// How long it may take to confirm one.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// Messages in a row that it did not take before it is started again.
const REFUSED_MAX: u32 = 3;
/// With less it would soon be full again.
const FREE_MIN: u64 = 64 << 20;
/// Its name in `run.json`.
const NATS: &str = "nats-server";
/// No key of a lease: those have two underscores in the middle.
const KEY: &str = "up";

/// Looks for as long as `up` runs. Only a server that is connected and takes no message is started
/// again, and only when its disk has room.
pub(super) async fn mend(site: Arc<Site>, nats: Nats, store: PathBuf) {
    let mut refused = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        if nats.ready().await.is_err() || takes(&nats).await {
            refused = 0;
            continue;
        }
        refused += 1;
        let free = rustix::fs::statvfs(&store).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
        if refused < REFUSED_MAX || free < FREE_MIN {
            continue;
        }
        refused = 0;
        let process = site.run().processes.get(NATS).map(|process| process.pid);
        let pid = process.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { continue };
        output::note("nats-server takes no messages although there is room: it is started again");
        if let Err(error) = kill_process(pid, Signal::TERM) {
            tracing::warn!(%error, "nats-server cannot be ended");
        }
    }
}

/// Does it confirm a message?
async fn takes(nats: &Nats) -> bool {
    let probe = Outgoing::new(format!("$KV.{CONNECTOR_LEASES}.{KEY}"), vec![0; 1_024].into());
    matches!(tokio::time::timeout(ANSWER_MAX, one(nats, &probe, None)).await, Ok(Ok(_)))
}
