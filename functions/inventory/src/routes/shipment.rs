//! `POST /shipments`: what leaves the warehouse of a confirmed sale.
//!
//! A shipment is decided behind the last entry of the warehouse's journal by what the facts of the order say, and those
//! hold for as long as that entry is the last one. If another one was appended meanwhile, the facts are read again: so a
//! shipment, a return, a cancellation and another shipment of one order never see the same pieces, whoever decides
//! them.

use super::change::by;
use super::check::{self, Checked};
use crate::app::{App, now};
use axum::Json;
use axum::extract::State;
use chassis::{Body, Key};
use chrono::{DateTime, TimeDelta, Utc};
use domain::inventory::{
    self, CARRIER_CHARS_MAX, Confirmed, NotShipped, Quantities, Shipped, Shipping,
    TRACKING_CHARS_MAX,
};
use domain::{OrderId, PartnerId, WarehouseId};
use messaging::inventory::{Last, last};
use messaging::views;
use runtime::{Actor, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::{Applied, BoundKey, Command};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How far ahead of this clock `shipped_at` may be: clocks differ.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// How long facts are read again because the journal went on meanwhile.
const TRIES_TIME_MAX: Duration = Duration::from_secs(20);
/// When an order that was not found is looked for again: a leader that was replaced may answer for a moment.
const AGAIN: Duration = Duration::from_millis(500);

/// What was shipped of a sale.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShipmentCommand {
    /// Whose order; `DIRECT` if nothing is said.
    #[serde(default = "PartnerId::direct")]
    partner: PartnerId,
    /// The sale.
    order_id: OrderId,
    /// Where it is; `main` if nothing is said.
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// How many of each; all that is left to ship if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    products: Option<Quantities>,
    /// Who carries it; up to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    /// The carrier's number, or the address of its page; up to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
    /// When it left (RFC 3339): now if nothing is said, and no later than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shipped_at: Option<DateTime<Utc>>,
}

/// What is shipped of the sale now.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ShipmentAnswer {
    partner: PartnerId,
    order_id: OrderId,
    /// Was it this call that did it? Otherwise an earlier one with the same key did.
    applied: bool,
    /// The number of this shipment among those of the sale; nothing if an earlier call did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipment: Option<u32>,
    /// Pieces by product in all shipments.
    shipped: Quantities,
    /// Pieces by product that are left to ship.
    left: Quantities,
}

pub(crate) async fn ship(
    State(app): State<Arc<App>>,
    actor: Actor,
    key: Key,
    Body(command): Body<ShipmentCommand>,
) -> Result<Json<ShipmentAnswer>, Problem> {
    let now = now();
    let mut checked = Checked::new("nothing is shipped");
    if let Some(products) = &command.products {
        checked.products(products, |n| check::quantity(*n));
    }
    checked.text("carrier", command.carrier.as_deref(), CARRIER_CHARS_MAX);
    checked.text("tracking", command.tracking.as_deref(), TRACKING_CHARS_MAX);
    checked.no_later("shipped_at", command.shipped_at, now + AHEAD_MAX);
    checked.end()?;
    let key = key.bound_to("ship", &command);
    let ShipmentCommand { partner, order_id, warehouse, products, carrier, tracking, shipped_at } =
        command;
    let shipped_at = shipped_at.unwrap_or(now);
    let shipping = Shipping { products, carrier, tracking, shipped_at, by: by(&actor) };
    let sale = Sale { app: &app, warehouse, partner, order_id };
    sale.ship(&key, &shipping).await.map(Json)
}

/// The order that is shipped.
struct Sale<'a> {
    app: &'a App,
    warehouse: WarehouseId,
    partner: PartnerId,
    order_id: OrderId,
}

impl Sale<'_> {
    async fn ship(&self, key: &BoundKey, shipping: &Shipping) -> Result<ShipmentAnswer, Problem> {
        let until = Instant::now() + TRIES_TIME_MAX;
        let mut looked: Option<(u64, Confirmed)> = None;
        while Instant::now() < until {
            let (mut behind, mut made) = (None, None);
            let done = self.app.journals.command(&self.warehouse, key, |view| {
                match looked.as_ref().filter(|(entry, _)| *entry == view.entry) {
                    Some((_, sale)) => {
                        let shipped = self.shipped(sale, shipping.clone())?;
                        made = Some(shipped.clone());
                        let body = inventory::Body::Shipped(Box::new(shipped));
                        Ok(Command::decision(view.state.entry(body)))
                    }
                    None => {
                        behind = Some((view.entry, view.decided_to.cloned()));
                        Err(Problem::unavailable("the order is looked up"))
                    }
                }
            });
            match (done.await, behind, made) {
                // Also where it was made, and another entry was faster.
                (Err(_), Some((entry, decided_to)), _) => {
                    self.app.journals.has_input(&self.warehouse, decided_to.as_ref()).await?;
                    looked = Some((entry, self.confirmed().await?));
                }
                (done, _, made) => match (done?, looked, made) {
                    (Applied::Now, Some((_, sale)), Some(made)) => {
                        let Shipped { shipment, shipped, .. } = made;
                        let sale = Confirmed { shipped, ..sale };
                        return Ok(self.answer(sale, Some(shipment.number)));
                    }
                    _ => return Ok(self.answer(self.confirmed().await?, None)),
                },
            }
        }
        let detail = "the warehouse decides so much at once that no moment was found for it; nothing is \
                      shipped, and the same call again is safe";
        Err(Problem::unavailable(detail))
    }

    /// The shipment, if it can be.
    fn shipped(&self, sale: &Confirmed, shipping: Shipping) -> Result<Shipped, Problem> {
        let id = (self.partner.clone(), self.order_id.clone());
        sale.ship(id, shipping).map_err(|why| {
            let problem = self.conflict(&why.to_string());
            match why {
                NotShipped::TooMuch(over) => {
                    over.iter().fold(problem, |problem, (product, over)| {
                        problem.field(format!("products.{product}"), over.to_string())
                    })
                }
                NotShipped::Return | NotShipped::Complete => problem,
            }
        })
    }

    fn conflict(&self, why: &str) -> Problem {
        let Self { partner, order_id, .. } = self;
        Problem::conflict(format!("nothing of order {order_id} of {partner} is shipped: {why}"))
    }

    /// The sale as it is confirmed.
    async fn confirmed(&self) -> Result<Confirmed, Problem> {
        let Self { app, warehouse, partner, order_id } = self;
        app.store.check().await.map_err(|fault| unavailable(&fault))?;
        for look in 0..2 {
            if look > 0 {
                sleep(AGAIN).await;
            }
            let found = last(&app.nats, warehouse, partner, order_id).await;
            match found.map_err(|error| unavailable(&error))? {
                Last::Confirmed(sale) => return Ok(sale),
                Last::Ended(attempt) => {
                    let why = format!("its attempt {attempt} is refused or cancelled");
                    return Err(self.conflict(&why));
                }
                Last::Nothing => {}
            }
        }
        let placed = views::lookup(&app.nats, warehouse, partner, order_id).await;
        let placed = placed.map_err(|error| unavailable(&error))?;
        Err(match placed.last() {
            Some(_) => self.conflict("it is not decided yet"),
            None => Problem::not_found(format!(
                "there is no order {order_id} of {partner} in warehouse {warehouse}: it was not placed in the \
                 time that orders are kept, or in another warehouse, which `warehouse` names"
            )),
        })
    }

    /// `shipment` is the one that this call has made.
    fn answer(&self, sale: Confirmed, shipment: Option<u32>) -> ShipmentAnswer {
        let (partner, order_id) = (self.partner.clone(), self.order_id.clone());
        let (applied, left) = (shipment.is_some(), sale.left_to_ship());
        ShipmentAnswer { partner, order_id, applied, shipment, shipped: sale.shipped, left }
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::warn!(error, "what was shipped of an order is not known");
    Problem::unavailable("NATS does not answer; the same call again is safe")
}
