#![doc = include_str!("../README.md")]

mod child;
pub mod cluster;
mod error;
pub mod nats;
mod port;
pub mod program;
pub mod prometheus;
mod server;
pub mod sshd;

pub use error::Error;
pub use server::Server;
