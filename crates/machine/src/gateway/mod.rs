//! The face of an OpenFaaS gateway over the functions on this machine.
//!
//! Loopback only and without passwords: what may be called is decided by the functions' own doors.

mod background;
mod early;
mod face;
mod provider;
mod proxy;
mod serve;
mod system;
#[cfg(test)]
mod tests;

pub(crate) use serve::{Limits, serve};
