//! Tests of the public interface: bytes in, rows and rejects out.
#![cfg(test)]

mod advice;
mod defects;
mod evaluator;
mod formats;
mod lists;
mod never_quoted;
mod properties;
mod quotes;
mod rules;
mod samples;
mod spilling;
mod support;
mod together;
mod torture;
mod trailer;
mod transform;
