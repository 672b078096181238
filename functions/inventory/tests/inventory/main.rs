//! Products through the real shell, on a real server.
#![cfg(test)]

mod products;
mod support;
