//! What an OpenFaaS gateway asks of its provider: deploy, scale, remove, secrets, logs.
//!
//! On loopback and without a password: the gateway in front of it has one.

mod deploy;
mod logs;
mod refusal;
mod routes;
mod secrets;

pub(super) use routes::{functions, logs, namespace, scaling, secrets};
