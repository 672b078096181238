//! The function on a real nats-server.
#![cfg(test)]

mod again;
mod bad_input;
mod cases;
mod charges;
mod cluster;
mod content;
mod delivered;
mod metadata;
mod orders;
mod prices;
mod rights;
mod support;
