//! Deliveries on a real nats-server, through a small gateway.
#![cfg(test)]

mod ordered;
mod support;
mod unordered;
