//! What a command says, and how it ends: the only writer to standard output and error, and the
//! failures that scripts tell apart.

mod failure;
pub mod output;

pub use failure::{Failure, exit_code, text};
