//! Journals of warehouses over HTTP. A function names its book; everything else about its journals is here.
//!
//! [`Journals`] opens a journal for each warehouse that the connector brings a batch of, or that people ask for by
//! a name that is known, and keeps it open. It takes a batch apart, decides it, answers the connector, does
//! each command once, and shows the state of each journal. `Api::journal` adds `GET /journal` and
//! `POST /journal/skip`.

mod batch;
mod known;
mod lane;
mod open;
mod skip;
mod state;

pub use batch::Given;
pub(crate) use known::of_partners;
pub use lane::Lane;
pub use open::Journals;
