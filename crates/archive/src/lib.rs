#![doc = include_str!("../README.md")]

pub mod amount;
mod archive;
mod ask;
mod cube;
mod day;
mod documents;
mod error;
pub mod fact;
pub mod issued;
mod objects;
mod open;
mod orders;
mod read;
mod record;
mod seen;
pub mod sums;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use archive::{Archive, BYTES_MAX};
pub use ask::{Answer, Asked, By, Line, Missing, Sum};
pub use day::Day;
pub use error::Error;
pub use record::{File, Kept, Written};
