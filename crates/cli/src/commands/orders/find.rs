//! An order by how people name it.

use anyhow::{Context as _, Result};
use clap::Args;
use domain::{OrderId, PartnerId, WarehouseId};
use machine::client::Pipeline;
use messaging::Nats;
use messaging::stored::Standing;
use messaging::views::{self, Messages, Status};
use terminal::Failure;

/// An order as it is typed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Which {
    /// `PARTNER/ORDER`, or the partner's number with --partner; of DIRECT the number alone.
    #[arg(value_name = "ORDER")]
    id: OrderId,
    /// The partner's number, if the partner is named before it: `PARTNER ORDER`.
    #[arg(value_name = "NUMBER", conflicts_with = "partner")]
    number: Option<OrderId>,
    /// Whose order.
    #[arg(long)]
    partner: Option<PartnerId>,
}

impl Which {
    pub(super) async fn resolve(&self, pipeline: &Pipeline, nats: &Nats) -> Result<Named> {
        let Self { id, number, partner } = self;
        let (partner, id) = named(id, number.as_ref(), partner.as_ref())?;
        resolve(pipeline, nats, (partner.as_ref(), id), None).await
    }
}

/// Partner and number of what is typed as `ORDER` or `PARTNER ORDER`.
///
/// # Errors
/// The first of two words is no name of a partner.
pub(super) fn named<'w>(
    first: &'w OrderId,
    number: Option<&'w OrderId>,
    partner: Option<&PartnerId>,
) -> Result<(Option<PartnerId>, &'w OrderId)> {
    let Some(number) = number else { return Ok((partner.cloned(), first)) };
    let partner = PartnerId::parse(first.as_str());
    let partner = partner.with_context(|| {
        format!("of two words the first is the partner; {:?} cannot be one", first.as_str())
    })?;
    Ok((Some(partner), number))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_words_the_first_is_the_partner() {
        let id = |text: &str| OrderId::parse(text).unwrap();
        let us = PartnerId::parse("US1").unwrap();
        let (first, number) = (id("US1"), id("1"));
        assert_eq!(named(&first, Some(&number), None).unwrap(), (Some(us.clone()), &number));
        assert_eq!(named(&number, None, Some(&us)).unwrap(), (Some(us), &number));
        assert_eq!(named(&number, None, None).unwrap(), (None, &number));
        let wrong = named(&id("US.1"), Some(&number), None).unwrap_err();
        assert!(format!("{wrong:#}").contains("\"US.1\""), "{wrong:#}");
    }
}
