//! The allowed dependencies between crates, and between the files of a crate.
#![cfg(test)]

mod circles;
mod crates;
mod layers;
mod source;
mod workspace;
