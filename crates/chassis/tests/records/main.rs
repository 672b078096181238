//! Records over HTTP, through the shell, on a real nats-server.
#![cfg(test)]

mod cluster;
mod kills;
mod partners;
mod races;
mod repeats;
mod rights;
mod routes;
mod support;
mod tokens;
