//! Messages on `orders.placed.…` that never become orders, because no function of orderflow put them
//! there. Their lane passes them over, and nothing is said of them on the subjects of an order.

use std::collections::BTreeSet;

use anyhow::Result;
use messaging::{Nats, streams, subject, tail, views};
use serde_json::Value;

/// What was placed, and has no outcome though its lane is decided.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unplaced {
    /// Decided; what follows from that is not stored yet.
    pub(super) unsaid: u64,
    /// No orders: subject and sequence of each.
    pub(super) strange: Vec<String>,
}

/// Asks what is known of them.
pub(super) async fn find(nats: &Nats, view: &views::Orders) -> Result<Unplaced> {
    let mut found = Unplaced::default();
    let name = |subject: &str, sequence: u64| format!("{subject} (message {sequence})");
    found.strange.extend(view.foreign().map(|(sequence, subject)| name(subject, sequence)));
    if 0 < view.counts().pending {
        let passed = undecidable(nats).await?;
        for order in view.pending() {
            if passed.contains(&order.last) {
                let (warehouse, partner) = (&order.warehouse, &order.partner);
                let stage = subject::Stage::Placed;
                let subject = subject::order(stage, warehouse, partner, &order.order_id);
                found.strange.push(name(&subject, order.last));
            } else {
                found.unsaid += 1;
            }
        }
    }
    Ok(found)
}

/// Sequences of placed messages of which order-processor said that they are no orders.
async fn undecidable(nats: &Nats) -> Result<BTreeSet<u64>> {
    let mut all = BTreeSet::new();
    tail::read(nats, streams::ERRORS, "errors.undecidable.>", 1, false, |message| {
        let event: Option<Value> = serde_json::from_slice(&message.payload).ok();
        all.extend(event.and_then(|event| event.pointer("/data/placed")?.as_u64()));
    })
    .await?;
    Ok(all)
}
