//! The JSON of an order, as people type it and partners send it.
//!
//! Every problem is reported at once, each by the path of its field, with the value and the limit.
//! Whoever wrote the order sees these texts, so a name that is not known comes with the nearest one
//! that is, and what two fields could say is never guessed.

mod buyer;
mod charges;
mod json;
mod member;
mod metadata;
mod parse;
mod read;
mod returns;
mod sent;
mod shown;
#[cfg(test)]
mod tests;
mod value;

pub use json::PROBLEMS_MAX;
pub use parse::{Error, parse, read};
