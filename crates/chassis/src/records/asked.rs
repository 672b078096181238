//! The parts of a request about records that are not its body: key, conditions, token, idempotency key.

use super::condition::Conditions;
use super::hal;
use super::resource::{REVISION, Resource, encoded, has_partner, parts};
use crate::describe::{Describe, Description};
use crate::extract::typed;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use runtime::{Actor, Owner, Problem, heavy};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use state::record::{Author, Key};
use std::marker::PhantomData;

/// Most characters of an idempotency key.
const RETRY_MAX: usize = 255;

/// Who asks, for what, under which conditions.
#[derive(Debug)]
pub(super) struct Asked<T> {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    /// The parts of the key that are in the path.
    pub(super) parts: Vec<String>,
    /// Whose token it is, for the trace.
    pub(super) by: String,
    owner: Owner,
    of: PhantomData<fn() -> T>,
}

impl<T: Resource, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, state: &S) -> Result<Self, Response> {
        let named = RawPathParams::from_request_parts(request, state).await;
        let named = named.map_err(axum::response::IntoResponse::into_response)?;
        let parts: Vec<String> = named.iter().map(|(_, part)| part.to_owned()).collect();
        let owner = request.extensions.get::<Owner>().cloned().unwrap_or_default();
        let Ok(actor) = Actor::from_request_parts(request, state).await;
        let by = actor.name().to_owned();
        let (method, headers) = (request.method.clone(), request.headers.clone());
        let path = request.uri.path().to_owned();
        let asked = Self { method, path, headers, parts, by, owner, of: PhantomData };
        asked.may_reach(&asked.parts).map_err(axum::response::IntoResponse::into_response)?;
        Ok(asked)
    }
}

impl<T: Resource> Asked<T> {
    /// The partner whose records are meant where the request names none.
    pub(super) fn partner(&self) -> Option<&str> {
        self.owner.0.as_deref().filter(|_| has_partner::<T>())
    }

    /// May this caller know of the record with these parts?
    pub(super) fn sees(&self, parts: &[String]) -> bool {
        let partner = self.partner();
        partner.is_none() || parts.first().is_none_or(|first| partner == Some(first))
    }

    /// 403 if the record is another partner's. That says nothing of whether it is there.
    pub(super) fn may_reach(&self, parts: &[String]) -> Result<(), Problem> {
        if self.sees(parts) {
            return Ok(());
        }
        let own = self.partner().unwrap_or_default();
        let detail = format!("this token is of partner {own}, and reaches nothing of another one");
        Err(Problem::new(StatusCode::FORBIDDEN).detail(detail))
    }

    /// The key in the path.
    pub(super) fn key(&self) -> Result<Key, Problem> {
        Key::new(&self.parts).map_err(|bad| Problem::bad_request(bad.to_string()))
    }

    /// Where the record with this key is, relative to the path of the request.
    pub(super) fn href(&self, key: &[String]) -> String {
        match self.parts.last() {
            Some(last) => encoded(last),
            None => hal::place::<T>(key),
        }
    }

    pub(super) fn conditions(&self) -> Result<Conditions, Problem> {
        Conditions::of(&self.headers)
    }

    /// `Idempotency-Key`, if there is one.
    pub(super) fn retry(&self) -> Result<Option<&str>, Problem> {
        let Some(key) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = key.to_str().ok().filter(|key| (1..=RETRY_MAX).contains(&key.len()));
        let wrong = || format!("an Idempotency-Key has 1 to {RETRY_MAX} characters");
        key.map(Some).ok_or_else(|| Problem::bad_request(wrong()))
    }

    /// Who makes a change now; `write` tells it from all others.
    pub(super) fn author(&self, write: Option<String>) -> Author {
        Author { by: self.by.clone(), at: now(), key: write }
    }
}

#[expect(clippy::disallowed_methods, reason = "when a person changed something; decides nothing")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn header_parameter(operation: &mut Description, name: &str, about: &str) {
    operation.parameters.push(json!({
        "name": name, "in": "header", "required": false, "description": about,
        "schema": {"type": "string"},
    }));
}

fn path_parameters<T: Resource>(operation: &mut Description) {
    for part in parts::<T>() {
        operation.parameters.push(json!({
            "name": part, "in": "path", "required": true, "schema": {"type": "string"},
        }));
    }
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($has_path:literal: $($header:literal $about:literal),*);)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(super) struct $name<T>(pub(super) Asked<T>);

            impl<T: Resource, S: Send + Sync> FromRequestParts<S> for $name<T> {
                type Rejection = Response;

                async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
                    Asked::from_request_parts(parts, state).await.map(Self)
                }
            }

            impl<T: Resource> Describe for $name<T> {
                fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
                    if $has_path {
                        path_parameters::<T>(operation);
                    }
                    $(header_parameter(operation, $header, $about);)*
                }
            }
        )*
    };
}

requests! {
    /// Shows one.
    Look(true: "If-None-Match" "The ETag that is known: 304 if it is still the one.");
    /// Makes one.
    Make(false: "Idempotency-Key" "The same request under the same key is done once.");
    /// Gives one another value, or makes it.
    Put(true: "If-Match" "The ETag that was read, or * for any: 428 without it.",
        "If-None-Match" "* makes one that is not there.",
        "Idempotency-Key" "The same request under the same key is done once.");
    /// Changes a part of one, or deletes it.
    Change(true: "If-Match" "The ETag that was read; without it the newest is changed.",
        "Idempotency-Key" "The same request under the same key is done once.");
}

/// A JSON object: a record, or some fields of one.
#[derive(Debug)]
pub(super) struct Sent<T> {
    pub(super) fields: Map<String, Value>,
    of: PhantomData<fn() -> T>,
}

impl<T: Resource, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("application/json-patch+json")) {
            let detail = "a change is a merge patch: application/merge-patch+json (RFC 7396)";
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail(detail);
            return Err(problem.into_response());
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(axum::response::IntoResponse::into_response)?;
        let read = heavy(bytes.len(), || serde_json::from_slice::<Map<String, Value>>(&bytes));
        let mut fields = read.map_err(|error| Problem::unreadable(&error).into_response())?;
        // What was answered can be sent.
        fields.remove(REVISION);
        fields.remove(hal::LINKS);
        Ok(Self { fields, of: PhantomData })
    }
}

impl<T: Resource> Sent<T> {
    /// The fields as a record whose key has these parts, as far as they are known.
    pub(super) fn value(&self, known: &[String]) -> Result<T, Problem> {
        let mut fields = self.fields.clone();
        for (name, part) in parts::<T>().zip(known) {
            fields.entry(name).or_insert_with(|| part.clone().into());
        }
        checked(fields)
    }
}

/// A record of these fields, if its type and its checks take them.
pub(super) fn checked<T: Resource>(fields: Map<String, Value>) -> Result<T, Problem> {
    let value: T = typed(fields.into())?;
    let mut wrong = super::wrong::Wrong::default();
    value.check(&mut wrong);
    wrong.into_result(T::NAME)?;
    Ok(value)
}

/// Some fields of a record, as a merge patch.
#[derive(Debug)]
pub(super) struct Patch<T>(pub(super) Sent<T>);

impl<T: Resource, S: Send + Sync> FromRequest<S> for Patch<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        Sent::from_request(request, state).await.map(Self)
    }
}

impl<T: Resource> Describe for Patch<T> {
    /// The fields of the record, none of which is required.
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let mut schema = T::json_schema(schemas);
        schema.remove("required");
        for kind in ["application/json", "application/merge-patch+json"] {
            operation.takes.insert(kind.to_owned(), json!({"schema": schema}));
        }
    }
}

impl<T: Resource> Describe for Sent<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let schema = schemas.subschema_for::<T>();
        operation.takes.insert("application/json".to_owned(), json!({"schema": schema}));
    }
}
