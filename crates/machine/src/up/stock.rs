//! Stock of the sample products, so that a first order can be placed.

use anyhow::{Context as _, Result};
use domain::inventory::{Body, SEED};
use domain::{ProductId, WarehouseId};
use messaging::Nats;
use state::journal::{Applied, BoundKey, Command};

/// The command is done once, whatever was done to the stock afterwards.
const KEY: &str = "orderflow up: sample products";

/// The journal has entries: what is in stock is somebody's.
struct Begun;

/// Sets it in a journal that has no entry yet, before any function runs. Was it this call?
pub(super) async fn ensure(nats: &Nats) -> Result<bool> {
    let product = |(name, available)| ProductId::parse(name).map(|product| (product, available));
    let available = SEED.into_iter().map(product).collect::<Result<_, _>>();
    let body = Body::Set { key: None, available: available.context("sample products")? };
    let journal = stock::journal(nats, &WarehouseId::main());
    let key = BoundKey::new(KEY, &());
    let set = journal.command(&key, |view| match view.state.has_begun() {
        true => Err(Begun),
        false => Ok(Command::decision(view.state.entry(body.clone()))),
    });
    let set = set.await.context("the stock of the sample products cannot be set")?;
    Ok(matches!(set, Ok(Applied::Now)))
}
