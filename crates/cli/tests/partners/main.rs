//! `orderflow partners …` without a pipeline.
#![cfg(test)]

mod alike;
mod check;
mod new;
mod support;
mod transform;
