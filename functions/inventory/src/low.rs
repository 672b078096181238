//! Little is left of a product: told once each time its stock falls below the product's threshold.
//!
//! What was told is known by the message itself, the last one on the subject of warehouse and product: it names the
//! movement that it is about. A movement behind it that is at the threshold or above arms it again. So neither a restart
//! nor another replica tells anything twice.

use crate::ledger::{Books, Ledger, Movement, Number};
use domain::{ProductId, WarehouseId};
use messaging::publish::{self, Outgoing, Published};
use messaging::{Event, Nats, events, stored, streams, subject};
use products::Item;
use serde::{Deserialize, Serialize};
use state::fold::Folded;
use state::record::Cache;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Time between two looks. If a product falls below its threshold several times within it, only the last is published.
const LOOK: Duration = Duration::from_secs(1);
/// How long it is waited for what is stored.
const WAIT: Duration = Duration::from_secs(1);

/// Data of `errors.low_stock.<warehouse>.<product>`.
#[derive(Debug, Serialize, Deserialize)]
struct Low {
    warehouse: WarehouseId,
    product: ProductId,
    /// What there was after the movement.
    available: i64,
    /// The product's.
    threshold: i64,
    /// The movement: its entry in the journal, and which of the entry.
    movement: Number,
}

/// Looks for it until it is dropped.
#[derive(Debug)]
pub(crate) struct LowStock(JoinHandle<()>);

impl Drop for LowStock {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl LowStock {
    pub(crate) fn start(nats: &Nats, ledger: &Arc<Folded<Ledger>>, products: Cache<Item>) -> Self {
        let (nats, ledger) = (nats.clone(), Arc::clone(ledger));
        Self(tokio::spawn(Watch { nats, ledger, products, seen: HashMap::new() }.run()))
    }
}

struct Watch {
    nats: Nats,
    ledger: Arc<Folded<Ledger>>,
    products: Cache<Item>,
    /// By warehouse and product: the newest movement and the threshold that were looked at.
    seen: HashMap<(String, ProductId), (Number, i64)>,
}

impl Watch {
    async fn run(mut self) {
        let mut every = interval(LOOK);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if self.ledger.current(WAIT).await.is_err() {
                continue;
            }
            if let Err(reason) = self.look().await {
                tracing::warn!(reason, "low stock is not told yet; it is tried again");
            }
        }
    }

    async fn look(&mut self) -> Result<(), String> {
        let Some(products) = self.products.all(None) else { return Ok(()) };
        for (_, found) in products.value {
            let product = &found.value.0;
            let Some(threshold) = product.low_stock else { continue };
            let threshold = i64::try_from(threshold).unwrap_or(i64::MAX);
            let newest = |shards: &[&Books]| -> Vec<(String, Number)> {
                shards.iter().flat_map(|books| books.newest(&product.id)).collect()
            };
            for (warehouse, newest) in self.ledger.look(newest) {
                let key = (warehouse, product.id.clone());
                let before = self.seen.get(&key).copied();
                if before != Some((newest, threshold)) {
                    let floor = before.map(|(number, _)| number);
                    self.one(&key.0, &product.id, threshold, floor).await?;
                    self.seen.insert(key, (newest, threshold));
                }
            }
        }
        Ok(())
    }

    /// The movement with which the product fell behind `told`, if that is to be told: the product is low now, or it
    /// fell behind `floor`.
    fn fallen(
        &self,
        (warehouse, product): (&str, &ProductId),
        threshold: i64,
        told: Option<Number>,
        floor: Option<Number>,
    ) -> Option<Movement> {
        let find = |shards: &[&Books]| {
            let book = shards.iter().find_map(|books| books.of(warehouse))?;
            let (fallen, is_low) = book.fallen(product, threshold, told)?;
            (is_low || floor.is_some_and(|floor| floor < fallen.number)).then_some(fallen)
        };
        self.ledger.look(find)
    }

    async fn one(
        &self,
        warehouse: &str,
        product: &ProductId,
        threshold: i64,
        floor: Option<Number>,
    ) -> Result<(), String> {
        let what = (warehouse, product);
        let warehouse = WarehouseId::parse(warehouse).map_err(|error| error.to_string())?;
        if self.fallen(what, threshold, None, floor).is_none() {
            return Ok(());
        }
        let subject = subject::low_stock(&warehouse, product);
        let last = stored::last(&self.nats, streams::ERRORS, &subject).await;
        let last = last.map_err(|error| error.to_string())?;
        let told = last.as_ref().and_then(|last| {
            let event: Event<Low> = serde_json::from_slice(&last.payload).ok()?;
            Some(event.data?.movement)
        });
        let Some(movement) = self.fallen(what, threshold, told, floor) else { return Ok(()) };
        let available = movement.level.unwrap_or_default();
        let id = format!("{warehouse}:{product}:{}", movement.number);
        let movement = movement.number;
        let low = Low { warehouse, product: product.clone(), available, threshold, movement };
        let source = "/functions/inventory".to_owned();
        let event = Event::new(id, &source, events::STOCK_LOW, &subject, low);
        let message = Outgoing::new(subject, event.to_bytes());
        let expected = last.map_or(0, |last| last.sequence);
        match publish::one(&self.nats, &message, Some(expected)).await {
            Ok(Published::Stored(_)) => {
                tracing::warn!(subject = message.subject, available, threshold, "low stock");
                Ok(())
            }
            // Another replica has told it.
            Ok(Published::Occupied) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
