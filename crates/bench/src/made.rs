//! The orders of a benchmark, from a fixed seed.

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use load::{Mix, Plan};

/// Products of a benchmark.
pub(crate) const PRODUCTS: u32 = 1_000;
/// Every run sends the same orders.
const SEED: u64 = 1;
/// The name of the partner of a warehouse.
pub(crate) fn partner(warehouse: u32) -> String {
    format!("BENCH{warehouse}")
}

/// One-line orders of partners that have one warehouse each.
pub(crate) struct Orders(Plan);

impl Orders {
    /// Orders for this many warehouses and products.
    pub(crate) fn of(warehouses: u32, products: u32) -> Result<Self> {
        let partners = (1..=warehouses).map(|n| Ok(Some(partner(n).parse()?)));
        let mix = Mix { products, ..Mix::default() };
        let partners = partners.collect::<Result<_>>()?;
        Ok(Self(Plan::new(&mix, SEED, partners, DateTime::UNIX_EPOCH)?))
    }

    /// The body of order number `n`, from 0.
    pub(crate) fn body(&self, n: u64) -> Bytes {
        self.0.message(n + 1, &mut BytesMut::new()).body
    }

    /// The number of the order with this id.
    pub(crate) fn number(id: &str) -> Option<u64> {
        id.rsplit('-').next()?.parse::<u64>().ok()?.checked_sub(1)
    }

    /// Names of all products.
    pub(crate) fn products(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.products()
    }
}
