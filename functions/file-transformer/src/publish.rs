//! The orders of a file, published on the subject `orders`.

use crate::failure::Failure;
use intake::ledger::Record;
use messaging::envelope::Event;
use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, events, header, subject};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::time::Duration;

/// Orders that are read before they are sent. How many of them wait for their acknowledgement at once is
/// [`publish::all`]'s to say; at the end of each chunk it waits for the last.
const CHUNK: usize = 5_000;
/// What their JSON may have together; one more order always fits.
const CHUNK_BYTES: usize = 4 << 20;
/// Attempts to have one chunk acknowledged before the file is given back.
const ATTEMPTS_MAX: u32 = 8;

/// What was published.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Orders.
    pub(crate) orders: u64,
    /// The least and the greatest of their stream sequences.
    pub(crate) range: Option<(u64, u64)>,
}

/// Publishes every order and waits until each is stored. Publishing again is harmless: the ids are
/// the same and order-ingest places an order once.
pub(crate) async fn orders(
    nats: &Nats,
    record: &Record,
    sha256: &str,
    orders: &File,
) -> Result<Sent, Failure> {
    let mut lines = BufReader::new(orders).lines();
    let mut sent = Sent::default();
    loop {
        let mut chunk = Vec::new();
        let mut bytes = 0;
        for line in lines.by_ref().take(CHUNK) {
            let json = line.map_err(Failure::scratch)?;
            bytes += json.len();
            chunk.push(message(record, sha256, json)?);
            if CHUNK_BYTES <= bytes {
                break;
            }
        }
        if chunk.is_empty() {
            return Ok(sent);
        }
        sent.orders += chunk.len() as u64;
        store(nats, chunk, &mut sent.range).await?;
    }
}

fn message(record: &Record, sha256: &str, json: String) -> Result<Outgoing, Failure> {
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
    // Not a message id: nats-server would remember each for two minutes, and nothing depends on it.
    let outgoing = Outgoing::new(subject::ORDERS.into(), event.to_bytes());
    let outgoing = outgoing.header(header::EVENT, &subject::token(&id));
    Ok(outgoing.header(header::SENDER, record.partner.as_str()))
}

async fn store(
    nats: &Nats,
    mut chunk: Vec<Outgoing>,
    range: &mut Option<(u64, u64)>,
) -> Result<(), Failure> {
    let mut pause = Duration::from_millis(100);
    for _ in 0..ATTEMPTS_MAX {
        let results = publish::all(nats, &chunk, None).await;
        let mut last = None;
        let mut missing = Vec::new();
        for (message, result) in chunk.into_iter().zip(results) {
            match result {
                Ok(Published::Stored(sequence)) => {
                    let (from, to) = range.unwrap_or((sequence, sequence));
                    *range = Some((from.min(sequence), to.max(sequence)));
                }
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
