//! Deliveries on a real nats-server, through a small gateway.
#![cfg(test)]

mod direct;
mod gateway;
mod odd;
mod ordered;
mod recovery;
mod replicas;
mod support;
mod unordered;
