//! What a provider answers where it does not do what was asked.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use runtime::Problem;
use serde::de::DeserializeOwned;

use crate::gateway::face::Face;
use crate::site::{DeployError, Deployments};

/// What is answered to a request that is not carried out.
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
}

/// 202: it is done, or will soon be.
pub(super) type Answer = Result<StatusCode, Refusal>;

/// These routes are there only with deployments.
pub(super) fn deployments(face: &Face) -> &Arc<Deployments> {
    face.deployments.as_ref().expect("the routes of a provider are made with its deployments")
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

impl From<DeployError> for Refusal {
    fn from(error: DeployError) -> Self {
        let status = match &error {
            DeployError::Unknown(_) => StatusCode::NOT_FOUND,
            DeployError::Write { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            DeployError::Image { .. }
            | DeployError::Name { .. }
            | DeployError::Secret(_)
            | DeployError::Replicas(_)
            | DeployError::Full => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Problem::new(self.status).detail(self.detail).into_response()
    }
}
