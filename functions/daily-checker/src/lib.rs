#![doc = include_str!("../README.md")]

mod arrivals;
mod check;
mod clock;
mod flight;
mod function;
mod http;
mod look;
mod overdue;
mod recent;
mod report;
mod turns;

pub use function::{build, operations};

use messaging::rights::{Reach, Rights};
use messaging::streams;
use runtime::Memory;

/// Its name in `stack.yml`.
pub const NAME: &str = "daily-checker";
/// Memory for the process and for sessions with partners' servers; it reads no bodies.
pub const MEMORY: Memory = Memory::new(40, 1);

/// Its permissions at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Files that arrived, files that are missing.",
    publishes: &["files.arrived.>", "errors.alert.>"],
    asks: &[streams::ORDERS],
    reads: &[streams::FILES],
    writes_buckets: &[streams::FILES_LEDGER],
    reads_buckets: &[streams::FILES_CONTENT],
    reaches: &[Reach::Sftp],
    ..Rights::NONE
};
