//! Output and exit codes of a command. Only this crate writes to standard output and standard error.

mod failure;
pub mod output;

pub use failure::{Failure, exit_code, text};
