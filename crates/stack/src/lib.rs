#![doc = include_str!("../README.md")]

pub mod catalogue;
pub mod duration;
pub mod lanes;
pub mod partners;
pub mod quantity;
pub mod schedule;
pub mod sources;
mod yml;

pub use yml::{BUILT_IN, Function, Stack, StackError, parse, read, substitute};
