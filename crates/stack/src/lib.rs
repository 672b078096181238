#![doc = include_str!("../README.md")]

pub mod catalogue;
pub mod duration;
pub mod expected;
pub mod lanes;
pub mod partners;
pub mod quantity;
pub mod schedule;
pub mod secrets;
pub mod sources;
pub mod users;
mod yml;

pub use yml::{BUILT_IN, Function, Stack, StackError, built_in, parse, read, substitute};
