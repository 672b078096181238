#![doc = include_str!("../README.md")]

mod inventory;
mod lane;
mod set;
pub mod skipped;

pub use inventory::{
    Inventory, InventoryJournal, SOURCE, go_on, journal, journal_keeping, survey, verify,
};
pub use lane::{KEEP, StockLane};
pub use set::{BYTES_MAX, PRODUCTS_MAX, StockAnswer, StockCommand, set};
