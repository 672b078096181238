//! Calls over real sockets.
#![cfg(test)]

mod calls;
mod support;
mod tls;
