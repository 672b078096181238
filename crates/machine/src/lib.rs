#![doc = include_str!("../README.md")]

pub mod client;
pub mod clock;
pub mod dir;
mod gateway;
pub mod http;
pub mod random;
pub mod send;
mod site;
pub mod up;

pub use site::EXIT_WITH_STDIN;
