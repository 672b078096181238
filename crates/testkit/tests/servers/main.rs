//! What the servers and proxies of tests do, seen by real clients.
#![cfg(test)]

mod cluster;
mod proxy;
