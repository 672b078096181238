//! The sample products and their stock, so that a first order can be placed.

use anyhow::{Context as _, Result};
use domain::inventory::{Body, SEED};
use domain::{ProductId, WarehouseId};
use messaging::{Nats, subject};
use state::journal::{self, Applied, BoundKey, Command};

use super::products;

/// The command is done once, whatever was done to the stock afterwards.
const KEY: &str = "orderflow up: sample products";

/// The journal has entries: what is in stock is somebody's.
struct Begun;

/// Makes the products and sets their stock where the journal has no entry yet, before any function runs. Was it this call?
pub(super) async fn ensure(nats: &Nats) -> Result<bool> {
    let product = |(name, available)| ProductId::parse(name).map(|product| (product, available));
    let available = SEED.into_iter().map(product).collect::<Result<_, _>>();
    let body = Body::Set { key: None, available: available.context("sample products")? };
    let main = stock::journal(nats, &WarehouseId::main());
    let subject = subject::inventory_journal(&WarehouseId::main());
    if journal::last(nats, &subject).await.context("the journal of the stock")?.is_some() {
        return Ok(false);
    }
    // First, so that both are there in the end when this process is killed in between.
    products::ensure(nats).await?;
    let key = BoundKey::new(KEY, &());
    let set = main.command(&key, |view| match view.state.has_begun() {
        true => Err(Begun),
        false => Ok(Command::decision(view.state.entry(body.clone()))),
    });
    let set = set.await.context("the stock of the sample products cannot be set")?;
    Ok(matches!(set, Ok(Applied::Now)))
}
