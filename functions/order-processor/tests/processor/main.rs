//! Ordered batches, stock, and an operator's refusals, on a real nats-server.
#![cfg(test)]

mod amend;
mod cluster;
mod decisions;
mod quiet;
mod returns;
mod skip;
mod stock;
mod strangers;
mod support;
mod warehouses;
