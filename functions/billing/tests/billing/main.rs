//! Documents, payments and what is held, on a real nats-server that refuses what the function may not do.
#![cfg(test)]

mod cluster;
mod expired;
mod issue;
mod payments;
mod people;
mod restored;
mod support;
