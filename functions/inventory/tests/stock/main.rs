//! What people do to stock, beside the function that decides orders, on a real nats-server.
#![cfg(test)]

mod bad_input;
mod cluster;
mod commands;
mod lane;
mod low;
mod readers;
mod shipments;
mod support;
mod transfers;
mod writers;
