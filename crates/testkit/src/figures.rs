//! Counts orders and invoices from the streams, by another way than the function `analytics` does.
//!
//! The function adds what each fact says, and takes away what is cancelled. Here the facts of each order are put
//! together first, and only what is confirmed in the end is added.

mod answers;
#[expect(clippy::indexing_slicing, reason = "what an object of JSON lacks is null")]
mod count;
#[expect(clippy::indexing_slicing, reason = "what an object of JSON lacks is null")]
mod windows;

pub use count::{Amounts, Documents, Figures, Row};
pub use windows::Closed;
