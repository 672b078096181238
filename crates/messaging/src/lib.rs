#![doc = include_str!("../README.md")]

pub mod ack;
pub mod address;
pub mod backlog;
pub mod clock;
pub mod earlier;
pub mod envelope;
pub mod events;
mod guard;
pub mod header;
pub mod inventory;
pub mod kv;
pub mod link;
pub mod metrics;
mod migrate;
pub mod nats;
pub mod persons;
pub mod publish;
pub mod rights;
pub mod store;
pub mod stored;
pub mod streams;
pub mod subject;
pub mod summary;
pub mod tail;
pub mod views;

pub use envelope::Event;
pub use nats::Nats;
