//! Runs the whole pipeline under faults, and checks whether anything is lost, doubled, negative or
//! contradictory.
//!
//! Starts `orderflow up --processes` with a fault proxy before NATS and one before the gateway, sends
//! orders and files through it, carries out a schedule of kills, pauses, network faults, wrong clocks,
//! full disks and empty stores, waits until everything is decided, and has the history checked.
//! Schedule and orders depend only on the seed; the reactions of operating system and network do not.

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
