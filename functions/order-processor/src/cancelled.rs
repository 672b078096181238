//! What cancellations of a batch are to take back, as it is confirmed.

use crate::App;
use domain::inventory::Confirmed;
use domain::{Order, WarehouseId};
use messaging::inventory;
use runtime::Problem;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;

/// When what was not found is looked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// The confirmed attempt of each order that a message of the batch cancels, by the message's
/// sequence. Nothing is read for other messages: cancellations are rare.
///
/// What is read before the batch is decided is still true when it is: order-ingest places a
/// cancellation when the fact is stored, and only this lane adds facts of its orders. Where nothing is
/// found it is looked for again: a leader that was replaced may answer for a moment, and a cancellation
/// that is decided without it is decided for ever.
pub(crate) async fn look(
    app: &App,
    warehouse: &WarehouseId,
    messages: impl Iterator<Item = (u64, Option<&RawValue>)>,
) -> Result<BTreeMap<u64, Confirmed>, Problem> {
    let cancelling = messages.filter_map(|(sequence, data)| {
        let data = data?.get();
        let order: Order =
            data.contains("\"cancels\"").then(|| serde_json::from_str(data).ok())??;
        order.cancels.as_ref()?;
        Some((sequence, order))
    });
    let cancelling: Vec<(u64, Order)> = cancelling.collect();
    let mut confirmed = BTreeMap::new();
    for look in 0..2 {
        let missing: Vec<_> =
            cancelling.iter().filter(|(sequence, _)| !confirmed.contains_key(sequence)).collect();
        if missing.is_empty() {
            break;
        }
        if look > 0 {
            tokio::time::sleep(AGAIN).await;
        }
        for (sequence, Order { partner, order_id, .. }) in missing {
            let found = inventory::confirmed(&app.nats, warehouse, partner, order_id).await;
            let found = found.map_err(|error| {
                tracing::warn!(%error, "a cancellation cannot be compared with what it cancels");
                Problem::unavailable("NATS does not answer; nothing is decided")
            })?;
            confirmed.extend(found.map(|found| (*sequence, found)));
        }
    }
    Ok(confirmed)
}
