//! Whether a seed was used before. Its orders have the same numbers then, and are placed once.

use anyhow::Result;
use bytes::BytesMut;
use domain::{OrderId, PartnerId, WarehouseId};
use load::{Plan, What};
use machine::client::Pipeline;
use messaging::views;
use serde::Deserialize;

/// Messages that are looked through for an order: before it, others may be broken.
const LOOK_MAX: u64 = 1_000;

#[derive(Deserialize)]
struct Named {
    order_id: OrderId,
    #[serde(default = "PartnerId::direct")]
    partner: PartnerId,
}

/// Is the first order of the plan placed already?
///
/// # Errors
/// NATS does not answer.
pub(super) async fn is_used(pipeline: &Pipeline, plan: &Plan, orders: u64) -> Result<bool> {
    let mut buffer = BytesMut::new();
    let mut messages = (1..=orders.min(LOOK_MAX)).map(|index| plan.message(index, &mut buffer));
    let first = messages.find(|message| matches!(message.what, What::Sale | What::Return));
    let first = first.and_then(|message| serde_json::from_slice::<Named>(&message.body).ok());
    let Some(Named { order_id, partner }) = first else { return Ok(false) };
    let partners = pipeline.partners();
    let of = partners.get(&partner).map(|found| found.warehouse.clone());
    let warehouse = of.unwrap_or_else(WarehouseId::main);
    let nats = pipeline.nats().await?;
    let found = views::lookup(&nats, &warehouse, &partner, &order_id).await?;
    Ok(found.placed.is_some())
}

/// What that means.
pub(super) fn preview(seed: u64) -> String {
    format!(
        "  Seed {seed} was used before, and its orders are there: each that comes again is a duplicate or a conflict, and \
         is not placed. Another --seed, or none, makes new ones."
    )
}
