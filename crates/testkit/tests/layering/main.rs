//! The allowed dependencies between crates, and between the files of a crate.
#![cfg(test)]

mod circles;
mod crates;
mod source;
mod workspace;
