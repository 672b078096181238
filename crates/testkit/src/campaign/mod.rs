//! The whole pipeline under faults, and whether anything is lost, doubled, negative or contradictory.
//!
//! Starts `orderflow up --processes` with a fault proxy before NATS and one before the gateway,
//! sends orders and files through it, carries out a schedule of kills, pauses, network faults, wrong
//! clocks, full disks and empty stores, waits until everything is decided, and has the history
//! checked. The schedule and the orders depend on the seed alone; what the operating system and the
//! network make of them does not.

pub mod attack;
mod clock;
pub mod cluster;
mod files;
mod inject;
mod load;
mod operator;
mod options;
mod orders;
mod pipeline;
mod plan;
mod progress;
mod run;
mod site;
mod store;
mod tally;
mod verdict;

pub use options::Options;
pub use run::run;
pub use verdict::Outcome;
