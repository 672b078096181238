//! Orders that are made up, good and bad, and the rate at which they are sent.
//!
//! Message `n` is a function of the seed and `n`, so nothing is remembered and every run can be repeated.

mod plan;
mod schedule;
mod wire;

pub use plan::{ALL, Fault, Message, Mix, Plan, TooMany, What};
pub use schedule::Schedule;
