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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["orderflow", "orders", "ship"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn an_order_is_shipped_as_a_whole_or_by_lines() {
        for line in [
            "A-1",
            "US1/536365 --line P001=2 --line P002=1",
            "536365 --partner US1 --warehouse west --carrier DHL --tracking 0034 --key k",
            "US1/1 --at 2026-01-31T08:00:00Z --json",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
        for line in ["A-1 --line P001", "A-1 --line P001=x", "A-1 --at yesterday", "A-1 US1"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_shipment_is_one_line() {
        let shipment = serde_json::from_value(json!({"number": 2, "products": {"A": 2, "B": 1},
            "carrier": "D\nHL", "tracking": "0034", "shipped_at": "2026-01-31T08:00:00.5Z"}));
        let expected = "shipment 2, 2026-01-31T08:00:00Z: 2 of A, 1 of B, D\\nHL, 0034";
        assert_eq!(words(&shipment.unwrap()), expected);
    }
}
