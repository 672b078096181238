//! Runs nats-server with an empty store, like after a wrong mount or a forgotten volume.

use super::site::Site;
use anyhow::{Context as _, Result, ensure};
use messaging::publish::{Outgoing, one};
use messaging::{Nats, streams, subject};
use serde_json::json;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The folder in the store directory that nats-server uses.
const FOLDER: &str = "jetstream";
const TRUE: &str = "jetstream.true";

/// How long order-processor may take until it has read its journal.
const KNOWN_MAX: Duration = Duration::from_secs(180);
/// How long it may take until a process reports that the store is empty: each finds out when it has
/// work to do, and all of them may compete for few cores.
const SAID_MAX: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(200);

/// Replaces the store by an empty one for at least `during`. With `streams`, the streams are created in
/// it and an order is sent, which must not be decided, because all data is in the other store; a
/// process must report this.
pub(super) async fn empty(site: &Site, streams: bool, during: Duration) -> Result<Duration> {
    // Messages that an empty store confirms would be lost.
    let _operator_waits = site.operator_turn.lock().await;
    site.load.pause().await;
    // A process that has just started and read nothing cannot know that there was more data.
    let known = timeout(KNOWN_MAX, async {
        while !site.pipeline.orderflow(&["stock", "get", "P001"]).await?.status.success() {
            sleep(LOOK).await;
        }
        anyhow::Ok(())
    });
    known.await.context("order-processor does not say what is in stock")??;
    let store = site.pipeline.store();
    let (folder, kept) = (store.join(FOLDER), store.join(TRUE));
    let rename = |from: &std::path::Path, to: &std::path::Path| {
        std::fs::rename(from, to).with_context(|| format!("cannot rename {}", from.display()))
    };
    site.pipeline.while_nats_is_down(|| rename(&folder, &kept)).await?;
    let looked = look(site, streams, during).await;
    site.pipeline
        .while_nats_is_down(|| {
            if folder.exists() {
                std::fs::remove_dir_all(&folder).context("cannot remove the empty store")?;
            }
            rename(&kept, &folder)
        })
        .await?;
    site.load.resume();
    looked?;
    site.confirmed_again().await
}

async fn look(site: &Site, with_streams: bool, during: Duration) -> Result<()> {
    let url = site.pipeline.run()?.nats;
    let nats = Nats::connect(&url, "campaign", true).await?;
    if with_streams {
        let output = site.pipeline.orderflow(&["setup"]).await?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "setup: {error}");
        let order = json!({"order_id": "PROBE", "product": "P001", "quantity": 1, "price": 1});
        let message = Outgoing::new(subject::ORDERS.into(), order.to_string().into());
        // It may not be the first message: clients may send what they held back for the true store.
        one(&nats, &message, None).await.context("the empty store takes nothing")?;
    }
    let logs = site.pipeline.log_ends();
    sleep(during).await;
    if with_streams {
        let said = timeout(SAID_MAX, async {
            while site.pipeline.errors_since(&logs).is_empty() {
                sleep(LOOK).await;
            }
        });
        said.await.context("no part logs an error about the empty store")?;
    }
    let decided = match nats.js.get_stream(streams::JOURNAL).await {
        Ok(stream) => stream.cached_info().state.last_sequence,
        Err(_) => 0,
    };
    ensure!(decided == 0, "{decided} entries were written into the journal of an empty store");
    Ok(())
}
