//! Publishes the orders of a file on the subject `orders`.

use crate::failure::Failure;
use domain::PartnerId;
use intake::ledger::{Record, Sending};
use messaging::envelope::Event;
use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, events, header, streams, subject, tail};
use runtime::heavy;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Orders that are read before they are sent. [`publish::all`] limits how many of them wait for their
/// acknowledgement at once; each chunk is complete when all are acknowledged.
const CHUNK: usize = 5_000;
/// Most bytes of JSON in a chunk; one order more always fits.
const CHUNK_BYTES: usize = 4 << 20;
/// How often one chunk is tried before the file is given back.
const ATTEMPTS_MAX: u32 = 8;

/// How much of a file was sent; written when its lease is renewed.
pub(crate) type Progress = Mutex<Option<Sending>>;

/// How the orders of a file are sent.
pub(crate) struct Rest<'a> {
    /// May an earlier process have sent some of them?
    pub(crate) goes_on: bool,
    /// The progress, for the task that renews the lease.
    pub(crate) progress: &'a Progress,
    /// Checks that the store is still the same: acknowledgements of another store do not count.
    pub(crate) still: &'a (dyn Fn() -> Result<(), Failure> + Sync),
}

/// Publishes every order that is not stored yet, and waits until all are stored. The record says how
/// far an earlier process came; orders that it sent afterwards are found in the stream, which is read
/// only if there may be some: `goes_on`. Publishing again is harmless: the ids are the same, and
/// order-ingest places an order once.
pub(crate) async fn orders(
    nats: &Nats,
    record: &Record,
    sha256: &str,
    orders: &File,
    rest: Rest<'_>,
) -> Result<Sending, Failure> {
    let Rest { goes_on, progress, still } = rest;
    let mut lines = BufReader::new(orders).lines();
    let mut sent = record.sending.unwrap_or_default();
    let stored = match record.sending {
        Some(_) if goes_on => behind(nats, &record.partner, sha256, &mut sent).await?,
        _ => HashSet::new(),
    };
    for line in lines.by_ref().take(usize::try_from(sent.orders).unwrap_or(usize::MAX)) {
        line.map_err(Failure::scratch)?;
    }
    loop {
        let (mut chunk, mut all) = (Vec::new(), 0);
        // Reading thousands of lines from a disk blocks.
        heavy(CHUNK_BYTES, || {
            let mut bytes = 0;
            for line in lines.by_ref().take(CHUNK) {
                let json = line.map_err(Failure::scratch)?;
                all += 1;
                bytes += json.len();
                let (id, message) = message(record, sha256, json)?;
                if !stored.contains(&id) {
                    chunk.push(message);
                }
                if CHUNK_BYTES <= bytes {
                    break;
                }
            }
            Ok::<_, Failure>(())
        })?;
        if all == 0 {
            return Ok(sent);
        }
        if !chunk.is_empty() {
            store(nats, chunk, &mut sent).await?;
        }
        still()?;
        sent.orders += all;
        *progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent);
    }
}

/// The ids of the file's orders that are stored after the last one in the record.
async fn behind(
    nats: &Nats,
    partner: &PartnerId,
    sha256: &str,
    sent: &mut Sending,
) -> Result<HashSet<String>, Failure> {
    let (mut stored, from) = (HashSet::new(), sent.to + 1);
    let each = |message: &async_nats::jetstream::Message| {
        // Another partner may send the same content at the same time.
        let headers = message.headers.as_ref();
        let sender = headers.and_then(|headers| headers.get(header::SENDER));
        if sender.is_none_or(|sender| sender.as_str() != partner.as_str()) {
            return;
        }
        let id = headers.and_then(|headers| headers.get(header::EVENT));
        let id = id.and_then(|id| subject::text(id.as_str()));
        let is_ours = |id: &String| id.strip_prefix(sha256).is_some_and(|id| id.starts_with(':'));
        if let (Some(id), Ok(info)) = (id.filter(is_ours), message.info()) {
            seen(sent, info.stream_sequence);
            stored.insert(id);
        }
    };
    tail::read(nats, streams::INTAKE, subject::ORDERS, from, true, each).await?;
    tracing::info!(file = sha256, sent = sent.orders, stored = stored.len(), "continuing to send");
    Ok(stored)
}

fn seen(sent: &mut Sending, sequence: u64) {
    sent.from = Some(sent.from.map_or(sequence, |from| from.min(sequence)));
    sent.to = sent.to.max(sequence);
}

/// The id of an order's event, and its message.
fn message(record: &Record, sha256: &str, json: String) -> Result<(String, Outgoing), Failure> {
    #[derive(Deserialize)]
    struct Head {
        order_id: String,
    }
    let broken = |error: serde_json::Error| Failure::Scratch(error.into());
    let head: Head = serde_json::from_str(&json).map_err(broken)?;
    let data = RawValue::from_string(json).map_err(broken)?;
    let id = format!("{sha256}:{}", head.order_id);
    let source = format!("/partners/{}", record.partner);
    let mut event = Event::new(id.clone(), &source, events::ORDER_RECEIVED, subject::ORDERS, data);
    event.time = Some(record.arrived_at);
    event.partner = Some(record.partner.clone());
    event.file = Some(sha256.to_owned());
    // Not a message id: nats-server would remember each for two minutes, and nothing needs that.
    let outgoing = Outgoing::new(subject::ORDERS.into(), event.to_bytes());
    let outgoing = outgoing.header(header::EVENT, &subject::token(&id));
    Ok((id, outgoing.header(header::SENDER, record.partner.as_str())))
}

async fn store(nats: &Nats, mut chunk: Vec<Outgoing>, sent: &mut Sending) -> Result<(), Failure> {
    let mut pause = Duration::from_millis(100);
    for _ in 0..ATTEMPTS_MAX {
        let results = publish::all(nats, &chunk, None).await;
        let mut last = None;
        let mut missing = Vec::new();
        for (message, result) in chunk.into_iter().zip(results) {
            match result {
                Ok(Published::Stored(sequence)) => seen(sent, sequence),
                Ok(Published::Occupied) => {}
                Err(unclear) => {
                    last = Some(unclear);
                    missing.push(message);
                }
            }
        }
        let Some(unclear) = last else { return Ok(()) };
        tracing::warn!(error = %unclear, missing = missing.len(), "orders not acknowledged");
        chunk = missing;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
    Err(Failure::NotStored(chunk.len()))
}
