//! Which paths a provider has.

use axum::http::StatusCode;
use axum::routing::{MethodRouter, any, delete, get, post};

use super::deploy::{deploy, remove, scale, update};
use super::refusal::Refusal;
use crate::gateway::face::Face;
use crate::gateway::system;

/// `/system/functions`.
pub(in crate::gateway) fn functions() -> MethodRouter<Face> {
    get(system::list).post(deploy).put(update).merge(delete(remove))
}

/// `/system/scale-function/{name}`.
pub(in crate::gateway) fn scaling() -> MethodRouter<Face> {
    post(scale)
}

/// `/system/secrets`.
pub(in crate::gateway) fn secrets() -> MethodRouter<Face> {
    get(super::secrets::list)
        .post(super::secrets::create)
        .put(super::secrets::update)
        .delete(super::secrets::remove)
}

/// `/system/logs`.
pub(in crate::gateway) fn logs() -> MethodRouter<Face> {
    get(super::logs::read)
}

/// `/system/namespace/{name}`: there is one, and it stays.
pub(in crate::gateway) fn namespace() -> MethodRouter<Face> {
    any(|| async { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "there is one namespace") })
}
