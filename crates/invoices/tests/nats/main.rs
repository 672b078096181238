//! The journal of invoices on a real nats-server: whatever is killed, doubled or sent again, each sale has one invoice, and
//! no number is missing.
#![cfg(test)]

mod foreign;
mod kills;
mod world;
mod year;
