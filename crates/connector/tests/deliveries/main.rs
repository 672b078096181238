//! Deliveries on a real nats-server, through a small gateway.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "what these tests read back was written by themselves"
)]

mod cluster;
mod direct;
mod former;
mod gaps;
mod gateway;
mod hangs;
mod lag;
mod odd;
mod ordered;
mod recovery;
mod replicas;
mod support;
mod unordered;
mod unreadable;
