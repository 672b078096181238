//! Journals of warehouses over HTTP: a function names its book, and has what stands around it.
//!
//! [`Journals`] opens a journal for each warehouse that the connector brings a batch of, or that people ask for by
//! a name that is known, and keeps it open. It takes a batch apart, decides it, answers the connector, does
//! commands once, and shows how each journal stands. `Api::journal` adds `GET /journal` and
//! `POST /journal/skip`.

mod batch;
mod known;
mod lane;
mod open;
mod skip;
mod standing;

pub use batch::Given;
pub(crate) use known::of_partners;
pub use lane::Lane;
pub use open::Journals;
