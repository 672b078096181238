#![doc = include_str!("../README.md")]

pub mod docs;
pub mod lint;
pub mod manifests;
pub mod policies;
pub mod schema;
