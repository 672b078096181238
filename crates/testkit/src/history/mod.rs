//! What a run left in the streams, and whether it is what it should be.
//!
//! Read after a run, when everything is decided: every message of the streams becomes a short value
//! (hashes instead of bodies), then [`History::check`] compares them. It shares the types of the
//! messages with the code under test, but none of the code that decides, folds or makes facts.

mod billed;
mod check;
mod decisions;
mod document;
mod facts;
mod lane;
mod message;
mod origin;
mod published;
mod record;
mod report;
mod sales;
mod sent;
mod stock;

pub use check::Options;
pub use message::Message;
pub use record::History;
pub use report::{Report, Rule, Summary, Violation};
