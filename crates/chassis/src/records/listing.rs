//! Which page of records is asked for.

use super::asked::Asked;
use super::resource::{Resource, parts};
use crate::describe::{Describe, Description};
use crate::page::Limit;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use runtime::Problem;
use schemars::SchemaGenerator;
use serde_json::json;
use state::record::{Cursor, Key, PAGE_MAX};
use std::marker::PhantomData;

/// Records of a page if the request says nothing.
const LIMIT: usize = 100;

/// A page of records.
#[derive(Debug)]
pub(super) struct Listing<T> {
    /// The first parts of their keys.
    pub(super) prefix: Option<Key>,
    pub(super) after: Option<Cursor>,
    pub(super) limit: usize,
    of: PhantomData<fn() -> T>,
}

/// Parts of a key by which a list can be cut: all but the last.
fn prefixes<T: Resource>() -> impl Iterator<Item = &'static str> {
    let count = parts::<T>().count();
    parts::<T>().take(count.saturating_sub(1))
}

impl<T: Resource, S: Send + Sync> FromRequestParts<S> for Listing<T> {
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, state: &S) -> Result<Self, Response> {
        let asked = Asked::<T>::from_request_parts(request, state).await?;
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&request.uri);
        let axum::extract::Query(query) = query.map_err(|error| {
            let detail = format!("the query of the URL cannot be read: {}", error.body_text());
            Problem::bad_request(detail).into_response()
        })?;
        Self::of(&asked, query).map_err(|problem| problem.into_response())
    }
}

impl<T: Resource> Listing<T> {
    fn of(asked: &Asked<T>, query: Vec<(String, String)>) -> Result<Self, Problem> {
        let (mut after, mut limit) = (None, LIMIT);
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in query {
            match name.as_str() {
                "cursor" => after = Some(Cursor::read(&value)),
                "limit" => limit = Limit::<PAGE_MAX>::read(&value)?.get(),
                _ if prefixes::<T>().any(|part| part == name) => given.push((name, value)),
                _ => return Err(unknown::<T>(&name)),
            }
        }
        let value = |part: &str| {
            let last = given.iter().rev().find(|(name, _)| name == part);
            last.map(|(_, value)| value.clone())
        };
        let mut prefix: Vec<String> = Vec::new();
        let mut missing = None;
        for part in prefixes::<T>() {
            let is_own = if part == "partner" { asked.partner().map(str::to_owned) } else { None };
            match (value(part).or(is_own), missing) {
                (Some(_), Some(missing)) => {
                    let detail =
                        format!("{part} is given without {missing}, which comes before it");
                    return Err(Problem::bad_request(detail));
                }
                (Some(value), None) => prefix.push(value),
                (None, _) => missing = missing.or(Some(part)),
            }
        }
        asked.may_reach(&prefix)?;
        let prefix = if prefix.is_empty() { None } else { Some(Key::new(&prefix)) };
        let prefix = prefix.transpose().map_err(|bad| Problem::bad_request(bad.to_string()))?;
        Ok(Self { prefix, after, limit, of: PhantomData })
    }
}

fn unknown<T: Resource>(name: &str) -> Problem {
    let known: Vec<&str> = prefixes::<T>().chain(["limit", "cursor"]).collect();
    Problem::bad_request(format!("{name} is not known here; {} are", known.join(", ")))
}

impl<T: Resource> Describe for Listing<T> {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        for part in prefixes::<T>() {
            operation.parameters.push(json!({
                "name": part, "in": "query", "required": false, "schema": {"type": "string"},
            }));
        }
        operation.parameters.push(json!({
            "name": "limit", "in": "query", "required": false,
            "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": LIMIT},
        }));
        operation.parameters.push(json!({
            "name": "cursor", "in": "query", "required": false,
            "description": "The `next` of the page before.", "schema": {"type": "string"},
        }));
    }
}
