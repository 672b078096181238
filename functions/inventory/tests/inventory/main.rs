//! Products through the real shell, on a real server.
#![cfg(test)]

mod lists;
mod products;
mod support;
