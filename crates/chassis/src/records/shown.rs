//! Records as they are answered.

use super::asked::Asked;
use super::condition::etag;
use super::hal::{self, HAL};
use super::linked;
use super::listing::Listing;
use super::resource::{REVISION, Resource, key_of, plural};
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
    pub(super) is_hal: bool,
    pub(super) of: PhantomData<fn() -> T>,
}

impl<T: Resource> Shown<T> {
    pub(super) fn new(status: StatusCode, value: &T, revision: Revision) -> Self {
        let body = Some(with_revision(value, revision));
        let (location, is_replayed, is_hal) = (None, false, false);
        Self { status, body, revision, location, is_replayed, is_hal, of: PhantomData }
    }

    /// 304.
    pub(super) fn known(revision: Revision) -> Self {
        let (status, location, is_replayed) = (StatusCode::NOT_MODIFIED, None, false);
        Self { status, body: None, revision, location, is_replayed, is_hal: false, of: PhantomData }
    }

    /// As the sender wants it.
    pub(super) fn to(mut self, asked: &Asked<T>) -> Self {
        self.is_hal = hal::is_wanted(&asked.headers);
        if let Some(body) = self.body.as_mut().filter(|_| self.is_hal) {
            let href = asked.href(&key_of::<T>(body));
            hal::link(body, &href);
        }
        self
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
        if self.is_hal {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(HAL));
        }
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
    let mut schema = T::json_schema(schemas);
    // A part of the same object: the type itself may say that it has no other members.
    let about = "Which change made it so: its `ETag`.";
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    if let Some(properties) = properties {
        let revision = json!({"type": "integer", "description": about});
        properties.insert(REVISION.to_owned(), revision);
    }
    schema.into()
}

impl<T: Resource> Output for Shown<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let schema = schema::<T>(schemas);
        operation.answers.insert("application/json".to_owned(), json!({"schema": schema}));
        operation.answers.insert(HAL.to_owned(), json!({"schema": {"type": "object"}}));
    }
}

/// A page of records: `{"things": [..], "next": ".."}`.
#[derive(Debug)]
pub(super) struct Listed<T> {
    body: Value,
    is_hal: bool,
    of: PhantomData<fn() -> T>,
}

impl<T: Resource> Listed<T> {
    /// `counts`: how many records there are before the page, and at all, if that is known.
    pub(super) fn new(
        page: &Page<T>,
        listing: &Listing<T>,
        counts: Option<(usize, usize)>,
    ) -> Self {
        let shown = |found: &Found<T>| with_revision(&found.value, found.revision);
        let items: Vec<Value> = page.records.iter().map(|(_, found)| shown(found)).collect();
        let mut body = match listing.is_hal {
            true => linked::list(items, page, listing, counts),
            false => Map::from_iter([(plural::<T>().to_owned(), items.into())]),
        };
        if let Some(next) = page.next.as_ref().filter(|_| !listing.is_hal) {
            body.insert("next".to_owned(), next.to_string().into());
        }
        let stray = |it: &state::record::Unreadable| json!({"key": it.key, "reason": it.reason});
        let strays: Vec<Value> = page.unreadable.iter().map(stray).collect();
        if !strays.is_empty() {
            body.insert("unreadable".to_owned(), strays.into());
        }
        Self { body: body.into(), is_hal: listing.is_hal, of: PhantomData }
    }
}

impl<T> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        // As many as a page has, each as large as it may be, take a while to write.
        let mut response = heavy(usize::MAX, || axum::Json(self.body).into_response());
        if self.is_hal {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(HAL));
        }
        response
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
        operation.answers.insert(HAL.to_owned(), json!({"schema": {"type": "object"}}));
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
