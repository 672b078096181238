#![doc = include_str!("../README.md")]

pub mod access;
pub mod arrival;
pub mod changed;
pub mod complete;
pub mod expected;
pub mod host_key;
pub mod ledger;
pub mod partners;
pub mod problem;
pub mod sftp;
pub mod shape;
pub mod yaml;
