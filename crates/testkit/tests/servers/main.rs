//! The behaviour of the servers and proxies for tests, seen by real clients.
#![cfg(test)]

mod cluster;
mod proxy;
mod users;
