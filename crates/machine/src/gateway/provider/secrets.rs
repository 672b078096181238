//! `/system/secrets`: files in the folder of secrets. What is in them is never told.

use std::io::ErrorKind;
use std::path::PathBuf;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::{Answer, Refusal, deployments, parse};
use crate::dir::DataDir;
use crate::gateway::face::Face;
use crate::site::NAMESPACE;

/// Of the name of a secret in Kubernetes.
const NAME_BYTES_MAX: usize = 253;

/// `Secret` of faas-provider.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    name: String,
    #[serde(default)]
    value: String,
    /// Base64, for what is no text.
    #[serde(default)]
    raw_value: String,
}

pub(super) async fn list(State(face): State<Face>) -> Result<Json<Value>, Refusal> {
    let dir = dir(&face).secrets();
    let files = std::fs::read_dir(&dir)
        .map_err(|error| broken(format!("cannot read {}: {error}", dir.display())))?;
    let mut names: Vec<String> =
        files.filter_map(|file| file.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let secret = |name: &String| json!({"name": name, "namespace": NAMESPACE});
    Ok(Json(names.iter().map(secret).collect()))
}

pub(super) async fn create(State(face): State<Face>, body: Bytes) -> Answer {
    let secret = named(&body)?;
    if path(&face, &secret).is_file() {
        let detail = format!("secret {:?} is there already", secret.name);
        return Err(Refusal::new(StatusCode::CONFLICT, detail));
    }
    write(&face, secret)
}

pub(super) async fn update(State(face): State<Face>, body: Bytes) -> Answer {
    let secret = named(&body)?;
    if !path(&face, &secret).is_file() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("no secret {:?}", secret.name)));
    }
    write(&face, secret)
}

pub(super) async fn remove(State(face): State<Face>, body: Bytes) -> Answer {
    let secret = named(&body)?;
    match std::fs::remove_file(path(&face, &secret)) {
        Ok(()) => Ok(StatusCode::ACCEPTED),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Refusal::new(StatusCode::NOT_FOUND, format!("no secret {:?}", secret.name)))
        }
        Err(error) => Err(broken(format!("secret {:?}: {error}", secret.name))),
    }
}

fn write(face: &Face, secret: Secret) -> Answer {
    let bytes = if secret.raw_value.is_empty() {
        secret.value.into_bytes()
    } else {
        let decoded = base64::engine::general_purpose::STANDARD.decode(&secret.raw_value);
        let wrong = |error| Refusal::new(StatusCode::BAD_REQUEST, format!("rawValue: {error}"));
        decoded.map_err(wrong)?
    };
    dir(face).write_secret(&secret.name, &bytes).map_err(|error| broken(format!("{error:#}")))?;
    Ok(StatusCode::ACCEPTED)
}

/// A secret whose name stays in its folder.
fn named(body: &[u8]) -> Result<Secret, Refusal> {
    let secret: Secret = parse(body)?;
    let inside = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let good = secret.name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && secret.name.len() <= NAME_BYTES_MAX
        && secret.name.chars().all(inside);
    if good {
        return Ok(secret);
    }
    let detail = format!("{:?} is no name of a secret", secret.name);
    Err(Refusal::new(StatusCode::BAD_REQUEST, detail))
}

fn broken(detail: String) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

fn path(face: &Face, secret: &Secret) -> PathBuf {
    dir(face).secrets().join(&secret.name)
}

fn dir(face: &Face) -> &DataDir {
    &deployments(face).site().dir
}
