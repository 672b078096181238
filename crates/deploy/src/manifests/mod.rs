//! The Kubernetes objects of the functions, made from stack.yml.
//!
//! stack.yml is the only place where a function is described; a test compares what is committed under
//! `k8s/` with what is made here.

mod alerts;
mod knative;
mod nats;
mod network;
mod openfaas;
mod plain;
mod pod;
mod render;

pub use render::{Platform, render};
