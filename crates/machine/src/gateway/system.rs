//! `/system/…`: what `faas-cli list`, `describe` and `version` and the connectors ask for.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use runtime::Problem;
use serde::Serialize;
use serde_json::{Value, json};

use super::face::Face;
use crate::site::{Entry, NAMESPACE};

/// `FunctionStatus` of faas-provider.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionStatus<'a> {
    name: &'a str,
    image: &'a str,
    namespace: &'static str,
    labels: &'a BTreeMap<String, String>,
    annotations: &'a BTreeMap<String, String>,
    secrets: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    limits: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    requests: &'a BTreeMap<String, String>,
    read_only_root_filesystem: bool,
    invocation_count: u64,
    replicas: u64,
    available_replicas: u64,
}

impl<'a> From<&'a Entry> for FunctionStatus<'a> {
    fn from(entry: &'a Entry) -> Self {
        let spec = &entry.spec;
        Self {
            name: &entry.name,
            image: &spec.image,
            namespace: NAMESPACE,
            labels: &spec.labels,
            annotations: &spec.annotations,
            secrets: &spec.secrets,
            limits: &spec.limits,
            requests: &spec.requests,
            read_only_root_filesystem: spec.readonly_root_filesystem,
            invocation_count: entry.invocations(),
            replicas: entry.replicas(),
            available_replicas: u64::try_from(entry.available()).unwrap_or(u64::MAX),
        }
    }
}

pub(super) async fn list(State(face): State<Face>) -> Response {
    let functions = face.registry.all();
    let functions = functions.iter().map(|entry| FunctionStatus::from(entry.as_ref()));
    Json(functions.collect::<Vec<_>>()).into_response()
}

pub(super) async fn describe(State(face): State<Face>, Path(name): Path<String>) -> Response {
    match face.registry.find(&name) {
        Some(entry) => Json(FunctionStatus::from(entry.as_ref())).into_response(),
        None => Problem::not_found(format!("no function {name:?}")).into_response(),
    }
}

pub(super) async fn info() -> Json<Value> {
    let version = json!({"release": env!("CARGO_PKG_VERSION"), "sha": ""});
    let provider =
        json!({"provider": "orderflow", "orchestration": "one machine", "version": version});
    Json(json!({"provider": provider, "version": version, "arch": std::env::consts::ARCH}))
}

/// Deploying, scaling, secrets and logs.
pub(super) async fn not_here(method: Method, uri: Uri) -> Response {
    let detail = format!(
        "{method} {} is not possible here: `orderflow up` runs the functions of its stack.yml; to \
         change them, change that file and start it again, or use `orderflow up --provider`",
        uri.path()
    );
    Problem::new(StatusCode::NOT_IMPLEMENTED).detail(detail).into_response()
}
