//! `orderflow partners …` without a pipeline.
#![cfg(test)]

mod check;
mod new;
mod support;
mod transform;
