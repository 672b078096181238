//! An order by how people name it.

use anyhow::Result;
use domain::{OrderId, PartnerId, WarehouseId};
use machine::client::Pipeline;
use messaging::Nats;
use messaging::stored::Standing;
use messaging::views::{self, Messages, Status};
use terminal::Failure;

/// An order that was found.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) partner: PartnerId,
    pub(super) id: OrderId,
    pub(super) warehouse: WarehouseId,
    pub(super) messages: Messages,
    pub(super) status: Status,
    pub(super) placed: Standing,
}

/// The order that is named by `id` alone, of DIRECT or of `partner`, or by `PARTNER/ORDER`.
///
/// # Errors
/// There is none, or NATS does not answer.
pub(super) async fn resolve(
    pipeline: &Pipeline,
    nats: &Nats,
    (partner, id): (Option<&PartnerId>, &OrderId),
    warehouse: Option<&WarehouseId>,
) -> Result<Named> {
    let own = partner.cloned().unwrap_or_else(PartnerId::direct);
    let mut found = find(pipeline, nats, (&own, id), warehouse).await?;
    let (mut partner, mut id) = (own, id.clone());
    // A number may have a stroke in it.
    if found.1.last().is_none()
        && let Some((of, rest)) = id.as_str().split_once('/')
        && let (Ok(of), Ok(rest)) = (PartnerId::parse(of), OrderId::parse(rest))
    {
        found = find(pipeline, nats, (&of, &rest), warehouse).await?;
        (partner, id) = (of, rest);
    }
    let (warehouse, messages) = found;
    match (messages.status(), messages.placed.clone()) {
        (Some(status), Some(placed)) => {
            Ok(Named { partner, id, warehouse, messages, status, placed })
        }
        _ => {
            let what = format!(
                "order {id} of {partner} in warehouse {warehouse}; an order of another partner: orderflow \
                 orders get {id} --partner NAME (orderflow orders list shows partners and orders)"
            );
            Err(Failure::NotFound { what }.into())
        }
    }
}

/// An order's warehouse, and what is said of it there.
async fn find(
    pipeline: &Pipeline,
    nats: &Nats,
    (partner, id): (&PartnerId, &OrderId),
    warehouse: Option<&WarehouseId>,
) -> Result<(WarehouseId, Messages)> {
    let configured = || pipeline.partners().get(partner).map(|found| found.warehouse.clone());
    let warehouse = warehouse.cloned().or_else(configured).unwrap_or_else(WarehouseId::main);
    let messages = views::lookup(nats, &warehouse, partner, id).await?;
    Ok((warehouse, messages))
}
