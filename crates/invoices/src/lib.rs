#![doc = include_str!("../README.md")]

mod book;
mod chain;
pub mod clock;
mod facts;
mod find;
mod lane;
mod looked;
mod read;

pub use book::{Invoices, InvoicesJournal, day, go_on, journal, survey, verify};
pub use chain::{Chain, Chains, verify_chains};
pub use facts::{HeldNow, SOURCE};
pub use find::{balance, document};
pub use lane::{InvoiceLane, KEEP};
pub use looked::{Looked, Missing};
pub use read::{Asking, Reading, read};

pub use domain::invoice::Body;
