#![doc = include_str!("../README.md")]

mod accept;
mod answer;
mod api;
pub mod deliveries;
mod describe;
mod each;
mod extract;
mod file;
pub mod journals;
mod key;
pub mod openapi;
mod page;
pub mod records;
mod role;
mod setup;
pub mod tokens;

// So that a function elsewhere names one crate.
pub use {messaging, runtime, state};

pub use accept::accept;
pub use answer::{Answer, Either, Error};
pub use api::{Api, Operation};
pub use describe::{Describe, Description, Documented, Failing, Output};
pub use each::{NotDone, each};
pub use extract::{Body, Csv, Query, Raw, Trace};
pub use file::{File, FileType};
pub use journals::{Given, Journals, Lane};
pub use key::Key;
pub use page::{After, Limit};
pub use records::{Filter, Kept, Resource, Wrong};
pub use role::{Role, Scope};
pub use setup::{Chassis, Setup};
pub use state::{Counts, Kind};
pub use tokens::Token;
