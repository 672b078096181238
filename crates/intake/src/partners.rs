//! Reads the partners' configuration.
//!
//! The text is checked against the shape of a partner first, so that one run lists every problem;
//! a parser of types would stop at the first.

mod across;
mod checks;
mod live;
mod load;
mod sellers;
mod shape;
mod tables;
#[cfg(test)]
mod tests;

pub use crate::problem::{Problem, located};
pub use live::{Check, Configuration, Live, Secrets, Source, digest};
pub use load::{BYTES_MAX, Loaded, configured, load, load_all};
pub use sellers::Sold;
pub use tables::{read_table, tables};
