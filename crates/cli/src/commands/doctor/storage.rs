//! Does the server still store what it is given? A full disk shows in nothing else from outside.

use std::time::{Duration, Instant};

use messaging::publish::{Outgoing, one};
use messaging::streams::CONNECTOR_LEASES;
use messaging::{Nats, streams};

use super::finding::Finding;

const WHAT: &str = "storage";
/// As much as a batch of orders, so that a few free bytes are not taken for room.
const PROBE_BYTES: usize = 64 * 1024;
/// No key of a lease: those have two underscores in the middle.
const KEY: &str = "doctor";
/// Longer than a slow disk needs.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Writes a message into a bucket and removes it again.
pub(super) async fn look(nats: &Nats) -> Finding {
    let subject = format!("$KV.{CONNECTOR_LEASES}.{KEY}");
    let size = PROBE_BYTES.min(nats.message_bytes_max() / 2);
    let probe = Outgoing::new(subject.clone(), vec![0; size].into());
    let began = Instant::now();
    let stored = tokio::time::timeout(ANSWER_MAX, one(nats, &probe, None)).await;
    // It may be stored, whatever was answered.
    remove(nats, &subject).await;
    let reason = match stored {
        Ok(Ok(_)) => {
            return Finding::good(
                WHAT,
                format!("takes messages, in {} ms", began.elapsed().as_millis()),
            );
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("nothing was confirmed within {} s", ANSWER_MAX.as_secs()),
    };
    if let Some(denied) = nats.link.denied(began, &subject) {
        let todo = format!("allow this user to publish {subject}, or do not look");
        return Finding::warning(WHAT, format!("not looked at: {denied}"), todo);
    }
    Finding::bad(
        WHAT,
        format!("takes no messages: {reason}"),
        "make room on the disk of nats-server's store, or raise its max_file_store; then start \
         nats-server again, which `orderflow up` does by itself: after a full disk it does not go on",
    )
}

async fn remove(nats: &Nats, subject: &str) {
    let bucket = nats.js.get_stream_no_info(format!("KV_{}", streams::CONNECTOR_LEASES)).await;
    if let Ok(bucket) = bucket {
        // If this fails the message stays: no part reads it, and the next look writes over it.
        drop(bucket.purge().filter(subject).await);
    }
}
