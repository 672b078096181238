#![doc = include_str!("../README.md")]

mod inventory;
pub mod skipped;

pub use inventory::{
    Inventory, InventoryJournal, SOURCE, go_on, journal, journal_keeping, survey, verify,
};
