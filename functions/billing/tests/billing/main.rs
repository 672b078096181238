//! Documents, payments and what is held, on a real nats-server that refuses what the function may not do.
#![cfg(test)]

mod cluster;
mod issue;
mod people;
mod support;
