//! The crate through its public door: bytes in, rows and rejects out.
#![cfg(test)]

mod defects;
mod evaluator;
mod formats;
mod lists;
mod properties;
mod rules;
mod samples;
mod spilling;
mod support;
mod torture;
mod trailer;
mod transform;
