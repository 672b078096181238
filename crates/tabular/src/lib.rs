#![doc = include_str!("../README.md")]

mod batch;
mod config;
mod dates;
mod duplicates;
mod header;
mod join;
pub mod output;
mod piece;
mod pool;
mod profile;
mod reject;
mod rules;
mod scanner;
mod transform;

pub use batch::{Batch, Row, TextColumn};
pub use config::{ConfigError, Limits};
pub use header::FileError;
pub use profile::ColumnProfile;
pub use reject::{Reject, Rule};
pub use transform::{Part, Summary, Transform};
