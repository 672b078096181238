//! Stock of the sample products, so that a first order can be placed.

use anyhow::{Context as _, Result};
use domain::inventory::{Body, SEED};
use domain::{ProductId, WarehouseId};
use messaging::Nats;
use messaging::inventory;
use messaging::journal::{Applied, Command};

/// The command is done once, whatever was done to the stock afterwards.
const KEY: &str = "orderflow up: sample products";

/// The journal has entries: what is in stock is somebody's.
struct Begun;

/// Sets it in a journal that has no entry yet, before any function runs. Was it this call?
pub(super) async fn ensure(nats: &Nats) -> Result<bool> {
    let product = |(name, available)| ProductId::parse(name).map(|product| (product, available));
    let available = SEED.into_iter().map(product).collect::<Result<_, _>>();
    let body = Body::Set { key: KEY.to_owned(), available: available.context("sample products")? };
    let journal = inventory::journal(nats, &WarehouseId::main());
    let set = journal.command(
        |state| state.keys.contains_key(KEY),
        |view| match view.state.has_begun() {
            true => Err(Begun),
            false => Ok(Command { body: view.state.entry(body.clone()), decided_to: None }),
        },
    );
    let set = set.await.context("the stock of the sample products cannot be set")?;
    Ok(matches!(set, Ok(Applied::Now)))
}
