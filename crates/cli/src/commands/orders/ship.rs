//! `orders ship`: over HTTP on inventory, which writes the shipment into the warehouse's journal.

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use domain::inventory::Shipment;
use domain::{OrderId, PartnerId, WarehouseId};
use machine::client::Pipeline;
use serde_json::{Value, json};
use terminal::output;

use super::find::{Named, resolve};
use crate::commands::keyed::{Again, is_applied, say, send};
use crate::commands::stock::change::{Pieces, by_product};

/// `orders ship …`
#[derive(Debug, Args)]
pub(crate) struct Ship {
    /// `PARTNER/ORDER`, or the partner's number with --partner; of DIRECT the number alone.
    #[arg(value_name = "ORDER")]
    id: OrderId,
    /// Whose order.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// Whose stock; without it, the warehouse that the partner has in partners.yml, else main.
    #[arg(long)]
    warehouse: Option<WarehouseId>,
    /// How many of a product, as P001=2; all that is left to ship if no line is named.
    #[arg(long = "line", value_name = "PRODUCT=PIECES")]
    lines: Vec<Pieces>,
    /// Who carries it.
    #[arg(long)]
    carrier: Option<String>,
    /// The carrier's number of it, or the address of a page that shows it.
    #[arg(long)]
    tracking: Option<String>,
    /// When it left, as 2026-01-31T08:00:00Z; now if nothing is said.
    #[arg(long, value_name = "TIME")]
    at: Option<DateTime<Utc>>,
    #[command(flatten)]
    again: Again,
}

pub(super) async fn run(pipeline: &Pipeline, args: &Ship) -> Result<()> {
    let Ship { id, partner, warehouse, lines, carrier, tracking, at, again } = args;
    let nats = pipeline.nats().await?;
    let named = resolve(pipeline, &nats, (partner.as_ref(), id), warehouse.as_ref()).await?;
    let Named { partner, id, warehouse, .. } = named;
    let products = if lines.is_empty() { None } else { Some(by_product(lines)?) };
    let body = json!({
        "partner": partner, "order_id": id, "warehouse": warehouse, "products": products,
        "carrier": carrier, "tracking": tracking, "shipped_at": at,
    });
    let done = send(pipeline, "inventory/shipments", body, again).await?;
    let number = done.get("shipment").and_then(Value::as_u64);
    let what = match number.filter(|_| is_applied(&done)) {
        Some(number) => format!("shipment {number} of {partner}/{id}"),
        None => format!("{partner}/{id}: an earlier call has done it"),
    };
    let left = pieces(&done, "left");
    let left = if left.is_empty() { "nothing".to_owned() } else { left };
    say(pipeline, &done, &format!("{what}; left to ship: {left}"));
    Ok(())
}

/// Pieces by product, as text.
fn pieces(done: &Value, name: &str) -> String {
    let all = done.get(name).and_then(Value::as_object).into_iter().flatten();
    all.map(|(product, n)| format!("{n} of {product}")).collect::<Vec<_>>().join(", ")
}

/// A shipment in one line.
pub(super) fn words(shipment: &Shipment) -> String {
    let Shipment { number, products, carrier, tracking, shipped_at, .. } = shipment;
    let at = shipped_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let pieces: Vec<_> = products.iter().map(|(id, n)| format!("{n} of {id}")).collect();
    let by = [carrier, tracking].into_iter().flatten();
    let by: String = by.map(|text| format!(", {}", output::name(text))).collect();
    format!("shipment {number}, {at}: {}{by}", pieces.join(", "))
}
