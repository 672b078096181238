//! What may use what: crates, and the files of a crate.
#![cfg(test)]

mod circles;
mod crates;
mod source;
mod workspace;
