#![doc = include_str!("../README.md")]

mod amount;
mod batch;
mod block;
mod config;
mod continued;
mod dates;
mod derive;
mod duplicates;
mod encoding;
mod head;
mod header;
mod join;
mod making;
pub mod output;
mod piece;
mod pool;
mod profile;
mod reject;
mod rules;
mod scanner;
mod spill;
mod structure;
mod trailer;
mod transform;

pub use batch::{Batch, Row, TextColumn};
pub use config::{ConfigError, Limits};
pub use head::Detected;
pub use header::FileError;
pub use profile::ColumnProfile;
pub use reject::{Reject, Rule};
pub use spill::Scratch;
pub use transform::{Part, Summary, Transform};
