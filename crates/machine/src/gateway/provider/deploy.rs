//! `/system/functions` and `/system/scale-function`: what runs, and how often.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use stack::Function;

use super::refusal::{Answer, Refusal, deployments, parse};
use crate::gateway::face::Face;
use crate::site::{DeployError, NAMESPACE};

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

pub(super) async fn deploy(State(face): State<Face>, body: Bytes) -> Answer {
    put(&face, &body, false).await
}

pub(super) async fn update(State(face): State<Face>, body: Bytes) -> Answer {
    put(&face, &body, true).await
}

async fn put(face: &Face, body: &[u8], must_exist: bool) -> Answer {
    let deployment: Deployment = parse(body)?;
    if !matches!(deployment.namespace.as_str(), "" | NAMESPACE) {
        let detail = format!("there is one namespace, {}", NAMESPACE);
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

pub(super) async fn remove(State(face): State<Face>, body: Bytes) -> Answer {
    let Delete { function_name } = parse(&body)?;
    deployments(&face).remove(&function_name).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn scale(
    State(face): State<Face>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let Scale { replicas } = parse(&body)?;
    deployments(&face).scale(&name, replicas).await?;
    Ok(StatusCode::ACCEPTED)
}
