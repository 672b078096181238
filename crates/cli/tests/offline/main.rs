//! What needs no pipeline: `orderflow partners …`, and what is under `k8s/`.
#![cfg(test)]

mod alike;
mod check;
mod manifests;
mod new;
mod support;
mod transform;
