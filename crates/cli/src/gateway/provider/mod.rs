//! What an OpenFaaS gateway asks of its provider: deploy, scale, remove, secrets, logs.
//!
//! On loopback and without a password: the gateway in front of it has one.

mod logs;
mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use runtime::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Face, system};
use crate::stack::Function;
use crate::up::{DeployError, Deployments};

/// `FunctionDeployment` of faas-provider. Constraints and `envProcess` mean nothing here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    service: String,
    image: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    env_vars: Option<BTreeMap<String, String>>,
    #[serde(default)]
    secrets: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    limits: Option<BTreeMap<String, String>>,
    #[serde(default)]
    requests: Option<BTreeMap<String, String>>,
    #[serde(default)]
    read_only_root_filesystem: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    function_name: String,
}

#[derive(Deserialize)]
struct Scale {
    replicas: u64,
}

/// `/system/functions`.
pub(super) fn functions() -> MethodRouter<Face> {
    get(system::list).post(deploy).put(update).merge(delete(remove))
}

/// `/system/scale-function/{name}`.
pub(super) fn scaling() -> MethodRouter<Face> {
    post(scale)
}

/// `/system/secrets`.
pub(super) fn secrets() -> MethodRouter<Face> {
    get(secrets::list).post(secrets::create).put(secrets::update).delete(secrets::remove)
}

/// `/system/logs`.
pub(super) fn logs() -> MethodRouter<Face> {
    get(logs::read)
}

/// `/system/namespace/{name}`: there is one, and it stays.
pub(super) fn namespace() -> MethodRouter<Face> {
    any(|| async { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "there is one namespace") })
}

/// What is answered to a request that is not carried out.
struct Refusal {
    status: StatusCode,
    detail: String,
}

/// 202: it is done, or will soon be.
type Answer = Result<StatusCode, Refusal>;

async fn deploy(State(face): State<Face>, body: Bytes) -> Answer {
    put(&face, &body, false).await
}

async fn update(State(face): State<Face>, body: Bytes) -> Answer {
    put(&face, &body, true).await
}

async fn put(face: &Face, body: &[u8], must_exist: bool) -> Answer {
    let deployment: Deployment = parse(body)?;
    if !matches!(deployment.namespace.as_str(), "" | system::NAMESPACE) {
        let detail = format!("there is one namespace, {}", system::NAMESPACE);
        return Err(Refusal::new(StatusCode::BAD_REQUEST, detail));
    }
    let name = deployment.service;
    let before = face.registry.find(&name);
    if must_exist && before.is_none() {
        return Err(DeployError::Unknown(name).into());
    }
    let spec = Function {
        image: deployment.image,
        annotations: deployment.annotations.unwrap_or_default(),
        labels: deployment.labels.unwrap_or_default(),
        environment: deployment.env_vars.unwrap_or_default(),
        secrets: deployment.secrets.unwrap_or_default(),
        limits: deployment.limits.unwrap_or_default(),
        requests: deployment.requests.unwrap_or_default(),
        readonly_root_filesystem: deployment.read_only_root_filesystem,
    };
    // A function that was scaled to nothing is wanted again.
    let replicas = before.map_or(1, |entry| entry.replicas().max(1));
    deployments(face).put(&name, spec, replicas).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn remove(State(face): State<Face>, body: Bytes) -> Answer {
    let Delete { function_name } = parse(&body)?;
    deployments(&face).remove(&function_name).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn scale(State(face): State<Face>, Path(name): Path<String>, body: Bytes) -> Answer {
    let Scale { replicas } = parse(&body)?;
    deployments(&face).scale(&name, replicas).await?;
    Ok(StatusCode::ACCEPTED)
}

/// These routes are there only with deployments.
fn deployments(face: &Face) -> &Arc<Deployments> {
    face.deployments.as_ref().expect("the routes of a provider are made with its deployments")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
}

impl Refusal {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
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
