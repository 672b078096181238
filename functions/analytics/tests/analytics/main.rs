//! Totals and windows, on a real nats-server that refuses what the function may not do, against an independent count.
#![cfg(test)]

mod archive;
mod asked;
mod cluster;
mod counted;
mod orders;
mod served;
mod support;
mod windows;
