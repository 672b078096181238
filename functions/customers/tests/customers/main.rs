//! Cards, orders and erasing, through the real shell, on a real nats-server, with order-ingest in front.
#![cfg(test)]

mod cards;
mod erase;
mod ingest;
mod moves;
mod people;
mod support;
mod totals;
