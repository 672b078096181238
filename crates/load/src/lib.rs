//! Generates orders, good and bad, and controls the rate at which they are sent.
//!
//! Message `n` depends only on the seed and `n`, so nothing is stored and every run can be repeated.

mod plan;
mod schedule;
mod wire;

pub use plan::{ALL, Fault, Message, Mix, Plan, TooMany, What};
pub use schedule::Schedule;
