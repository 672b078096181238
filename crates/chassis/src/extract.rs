//! What a handler takes of a request. What cannot be read is answered with the field's path.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use runtime::{Problem, heavy};
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::marker::PhantomData;

/// The query of the URL, as `T`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let axum::extract::Query(query) = read.map_err(|error| {
            let said = error.body_text();
            let (_, reason) = said.split_once(": ").unwrap_or(("", &said));
            Problem::bad_request(format!("the query of the URL cannot be read: {reason}"))
        })?;
        Ok(Self(query))
    }
}

/// A JSON body, as `T`. The whole body is in memory: the route's limit holds.
#[derive(Clone, Copy, Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(axum::response::IntoResponse::into_response)?;
        heavy(bytes.len(), || read(&bytes)).map(Self).map_err(|problem| problem.into_response())
    }
}

/// Reads JSON; the error names the field by its path.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| misfit(&error))?;
    reader.end().map_err(|error| Problem::unreadable(&error))?;
    Ok(value)
}

/// JSON that was read, as `T`; the error names the field by its path.
pub(crate) fn typed<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| misfit(&error))
}

fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let problem = Problem::unreadable(error.inner());
    // A path of `.` is the body as a whole.
    if path == "." { problem } else { problem.field(path, error.inner().to_string()) }
}

/// Headers and body as they came, for who reads many forms of one thing; `T` is the form that the
/// documents show.
#[derive(Debug)]
pub struct Raw<T> {
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Bytes,
    documented: PhantomData<fn() -> T>,
}

impl<T, S: Send + Sync> FromRequest<S> for Raw<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let headers = request.headers().clone();
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(axum::response::IntoResponse::into_response)?;
        Ok(Self { headers, bytes, documented: PhantomData })
    }
}

/// A body of CSV. The whole body is in memory: the route's limit holds.
#[derive(Clone, Debug)]
pub struct Csv(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Csv {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(axum::response::IntoResponse::into_response)
    }
}

/// `traceparent`, if it came and is text.
#[derive(Clone, Debug)]
pub struct Trace(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let value = parts.headers.get("traceparent").and_then(|value| value.to_str().ok());
        Ok(Self(value.map(ToOwned::to_owned)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only its type counts")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    struct Line {
        #[expect(dead_code, reason = "only its type counts")]
        quantity: u32,
    }

    fn fields(body: &str) -> Vec<String> {
        let problem = read::<Order>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status, 422);
        problem.errors.iter().map(|error| error.field.clone()).collect()
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_path() {
        let two = r#"{"lines": [{"quantity": 1}, {"quantity": "two"}]}"#;
        assert_eq!(fields(two), ["lines[1].quantity"]);
        assert_eq!(fields(r#"{"lines": [{}]}"#), ["lines[0]"]);
        assert_eq!(fields(r#"{"lines": [], "colour": 1}"#), ["colour"]);
        assert_eq!(fields("[]"), <[&str; 0]>::default());
    }

    #[test]
    fn a_body_is_one_document_and_no_more() {
        assert!(fields(r#"{"lines": []} {}"#).is_empty());
        assert!(fields("").is_empty());
    }
}
