//! The whole pipeline as processes, on real servers.
#![cfg(test)]

mod faults;
mod support;
mod up;
