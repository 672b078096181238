//! What it takes of its memory.

use runtime::Memory;
use std::num::NonZeroUsize;

/// Orders that are held, unless `ORDERFLOW_STATUS_ORDERS_MAX` says otherwise.
pub(crate) const ORDERS_MAX: NonZeroUsize =
    NonZeroUsize::new(1_000_000).expect("a million is not 0");
/// One order, its share of indexes and of its file included; README.md has what was measured.
const ORDER_BYTES: u64 = 120;
/// The process, the files, a checkpoint in the making, and answers.
const BASE_MIB: u64 = 144;

/// With so many orders; it takes no bodies.
pub(crate) const fn with(orders_max: usize) -> Memory {
    Memory::new(BASE_MIB + orders_max as u64 * ORDER_BYTES / (1024 * 1024), 2)
}

/// What it takes beside bodies, with as many orders as it holds by default.
pub const MEMORY: Memory = with(ORDERS_MAX.get());
