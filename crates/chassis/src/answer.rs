//! What a handler gives back.

use crate::describe::{Description, Failing, Output};
use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use runtime::door::Refused;
use runtime::{Problem, heavy};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::json;
use std::marker::PhantomData;

/// JSON of a `T`, written when the answer is made.
#[derive(Debug)]
pub struct Answer<T> {
    status: StatusCode,
    /// Nothing if it could not be written.
    body: Option<Bytes>,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize> Answer<T> {
    /// 200. `bytes` is about how long it is: what is long keeps no other request waiting.
    pub fn ok(bytes: usize, value: &T) -> Self {
        Self::new(StatusCode::OK, bytes, value)
    }

    /// 201: what was asked for is made.
    pub fn created(value: &T) -> Self {
        Self::new(StatusCode::CREATED, 0, value)
    }

    fn new(status: StatusCode, bytes: usize, value: &T) -> Self {
        let body = heavy(bytes, || serde_json::to_vec(value));
        let said = |error: &_| tracing::error!(%error, "an answer cannot be written");
        let body = body.inspect_err(said).ok().map(Bytes::from);
        Self { status, body, of: PhantomData }
    }
}

impl<T> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let Some(body) = self.body else { return Problem::internal().into_response() };
        let json = HeaderValue::from_static("application/json");
        (self.status, [(header::CONTENT_TYPE, json)], body).into_response()
    }
}

impl<T: JsonSchema> Output for Answer<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let schema = schemas.subschema_for::<T>();
        operation.answers.insert("application/json".to_owned(), json!({"schema": schema}));
    }
}

/// One of two answers of the same route, for callers of two kinds. The first one is documented.
#[derive(Debug)]
pub enum Either<A, B> {
    /// For people.
    Left(A),
    /// For the connector.
    Right(B),
}

impl<A: IntoResponse, B: IntoResponse> IntoResponse for Either<A, B> {
    fn into_response(self) -> Response {
        match self {
            Self::Left(answer) => answer.into_response(),
            Self::Right(answer) => answer.into_response(),
        }
    }
}

impl<A: Output, B: Output> Output for Either<A, B> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        B::describe(operation, schemas);
        A::describe(operation, schemas);
    }
}

/// Why a request gets no answer of its own.
#[derive(Debug)]
pub enum Error {
    /// Something is wrong with it, or with what it needs.
    Problem(Problem),
    /// Who calls may not do that.
    Refused(Refused),
}

impl Failing for Error {}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Refused(refused) => refused.into_response(),
        }
    }
}
