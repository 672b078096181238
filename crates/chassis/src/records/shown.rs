//! Records as they are answered.

use super::condition::etag;
use super::resource::{REVISION, Resource, plural};
use crate::describe::{Description, Output};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use runtime::heavy;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use state::record::{Found, Page, Revision};
use std::marker::PhantomData;

/// Says that an answer was given before, under the same idempotency key.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// One record, with its revision in `ETag` and in its body.
#[derive(Debug)]
pub(super) struct Shown<T> {
    pub(super) status: StatusCode,
    /// Nothing where the sender has it.
    pub(super) body: Option<Value>,
    pub(super) revision: Revision,
    pub(super) location: Option<String>,
    pub(super) is_replayed: bool,
    pub(super) of: PhantomData<fn() -> T>,
}

impl<T: Resource> Shown<T> {
    pub(super) fn new(status: StatusCode, value: &T, revision: Revision) -> Self {
        let body = Some(with_revision(value, revision));
        Self { status, body, revision, location: None, is_replayed: false, of: PhantomData }
    }

    /// 304.
    pub(super) fn known(revision: Revision) -> Self {
        let (status, of) = (StatusCode::NOT_MODIFIED, PhantomData);
        Self { status, body: None, revision, location: None, is_replayed: false, of }
    }
}

fn with_revision<T: Resource>(value: &T, revision: Revision) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert(REVISION.to_owned(), revision.0.into());
    }
    value
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

impl<T> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        let mut response = match self.body {
            Some(body) => (self.status, axum::Json(body)).into_response(),
            None => self.status.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, text(&etag(self.revision)));
        if let Some(location) = self.location {
            headers.insert(header::LOCATION, text(&location));
        }
        if self.is_replayed {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

fn schema<T: Resource>(schemas: &mut SchemaGenerator) -> Value {
    let mut schema = Value::from(T::json_schema(schemas));
    // A part of the same object: the type itself may say that it has no other members.
    let about = "Which change made it so: its `ETag`.";
    schema["properties"][REVISION] = json!({"type": "integer", "description": about});
    schema
}

impl<T: Resource> Output for Shown<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let schema = schema::<T>(schemas);
        operation.answers.insert("application/json".to_owned(), json!({"schema": schema}));
    }
}

/// A page of records: `{"things": [..], "next": ".."}`.
#[derive(Debug)]
pub(super) struct Listed<T> {
    body: Value,
    of: PhantomData<fn() -> T>,
}

impl<T: Resource> Listed<T> {
    pub(super) fn new(page: &Page<T>) -> Self {
        let shown = |found: &Found<T>| with_revision(&found.value, found.revision);
        let items: Vec<Value> = page.records.iter().map(|(_, found)| shown(found)).collect();
        let mut body = Map::new();
        body.insert(plural::<T>().to_owned(), items.into());
        if let Some(next) = &page.next {
            body.insert("next".to_owned(), next.to_string().into());
        }
        let stray = |it: &state::record::Unreadable| json!({"key": it.key, "reason": it.reason});
        let strays: Vec<Value> = page.unreadable.iter().map(stray).collect();
        if !strays.is_empty() {
            body.insert("unreadable".to_owned(), strays.into());
        }
        Self { body: body.into(), of: PhantomData }
    }
}

impl<T> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        // As many as a page has, each as large as it may be, take a while to write.
        heavy(usize::MAX, || axum::Json(self.body).into_response())
    }
}

impl<T: Resource> Output for Listed<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let items = json!({"type": "array", "items": schema::<T>(schemas)});
        let schema = json!({"type": "object", "properties": {
            plural::<T>(): items,
            "next": {"type": "string", "description": "`cursor` of the next page; not there at the end."},
        }});
        operation.answers.insert("application/json".to_owned(), json!({"schema": schema}));
    }
}

/// 204: it is not there any more.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) is_replayed: bool,
}

impl IntoResponse for Gone {
    fn into_response(self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        if self.is_replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl Output for Gone {
    fn describe(_: &mut Description, _: &mut SchemaGenerator) {}
}
