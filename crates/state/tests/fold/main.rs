//! Folds and their checkpoints on real nats-servers.
#![cfg(test)]

mod checkpoint;
mod checkpoints;
mod cluster;
mod counting;
mod payloads;
mod sizes;
mod streams;
mod support;
