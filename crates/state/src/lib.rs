#![doc = include_str!("../README.md")]

pub mod checkpoint;
mod counts;
pub mod effect;
pub mod fold;
mod follow;
pub mod journal;
pub mod lease;
pub mod record;
pub mod requests;
pub mod wire;

pub use counts::{Counts, Kind};
