//! `stock reconcile`: do journal, facts and movements agree, and what is still under way?

use anyhow::{Result, bail};
use axum::http::Method;
use domain::WarehouseId;
use domain::inventory::Quantities;
use machine::client::{Level, Pipeline};
use serde::{Deserialize, Serialize};
use serde_json::json;
use terminal::output;

use super::verify;

/// What has left a warehouse and has not arrived.
#[derive(Debug, Deserialize, Serialize)]
struct Unfinished {
    transfers: Vec<Left>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Left {
    to: WarehouseId,
    number: u64,
    products: Quantities,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

impl Left {
    /// The command that ends it.
    fn command(&self, from: &WarehouseId) -> String {
        let Self { to, number, .. } = self;
        format!("orderflow stock transfer --finish {number} --from {from} --to {to}")
    }
}

pub(super) async fn run(pipeline: &Pipeline, warehouse: &WarehouseId) -> Result<()> {
    let path = format!("inventory/stock/transfers?warehouse={warehouse}");
    let found: Unfinished = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    let transfers = found.transfers;
    let compared = verify::compare(pipeline, warehouse).await?;
    if pipeline.json {
        let row = |left: &Left| json!({"transfer": left, "finish": left.command(warehouse)});
        let rows: Vec<_> = transfers.iter().map(row).collect();
        output::json(&json!({"accounts": compared.json(), "unfinished": rows}));
    } else {
        compared.print();
        for left in &transfers {
            let (number, to) = (left.number, &left.to);
            let products = output::count(left.products.len(), "product");
            output::line(format_args!(
                "✗ transfer {number} to {to} has left and not arrived: {products}"
            ));
            output::line(format_args!("  {}", left.command(warehouse)));
        }
        if transfers.is_empty() {
            output::line("✓ every transfer that has left has arrived");
        }
    }
    match compared.differences() + transfers.len() {
        0 => Ok(()),
        count => bail!("{} in the stock of {warehouse}", output::count(count, "problem")),
    }
}
