//! Which page of records is asked for.

use super::asked::Asked;
use super::hal;
use super::resource::{Filter, Resource, encoded, parts};
use crate::describe::{Describe, Description};
use crate::page::Limit;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use runtime::Problem;
use schemars::SchemaGenerator;
use serde_json::json;
use state::record::{Cache, Cursor, Key, PAGE_MAX, Page};
use std::fmt;

/// Records of a page if the request says nothing.
const LIMIT: usize = 100;

/// A page of records.
pub(super) struct Listing<T> {
    /// The first parts of their keys.
    pub(super) prefix: Option<Key>,
    pub(super) after: Option<Cursor>,
    pub(super) limit: usize,
    /// In HAL the page may have a number, from 0 on.
    number: Option<usize>,
    filters: Vec<Filter<T>>,
    pub(super) is_hal: bool,
    /// All parameters as they came, without those that say where the page begins.
    given: Vec<(String, String)>,
}

// By hand: filters are functions.
impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("given", &self.given).finish_non_exhaustive()
    }
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
        let is_hal = hal::is_wanted(&asked.headers);
        let is_counted = is_hal && !T::FILTERS.is_empty();
        let (mut after, mut limit, mut number) = (None, LIMIT, None);
        let (mut filters, mut given) = (Vec::new(), Vec::new());
        for (name, value) in query {
            match name.as_str() {
                "cursor" => {
                    after = Some(Cursor::read(&value));
                    continue;
                }
                "page" if is_counted => {
                    number = Some(page_number(&value)?);
                    continue;
                }
                "limit" => limit = Limit::<PAGE_MAX>::read(&value)?.get(),
                "size" if is_hal => limit = Limit::<PAGE_MAX>::read(&value)?.get(),
                _ if prefixes::<T>().any(|part| part == name) => {}
                _ if T::FILTERS.contains(&name.as_str()) => {
                    let filter = T::filter(&name, &value);
                    filters.push(
                        filter
                            .map_err(|reason| Problem::bad_request(format!("{name}: {reason}")))?,
                    );
                }
                _ => return Err(unknown::<T>(&name)),
            }
            given.push((name, value));
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
        Ok(Self { prefix, after, limit, number, filters, is_hal, given })
    }

    /// The page, and how many records there are before it and at all.
    pub(super) fn of_cache(&self, cache: &Cache<T>) -> (Page<T>, Option<(usize, usize)>) {
        let takes = |value: &T| self.filters.iter().all(|filter| filter(value));
        let prefix = self.prefix.as_ref();
        let numbered = self.number.map(|number| number.saturating_mul(self.limit));
        let numbered = numbered.and_then(|count| cache.behind(prefix, count, takes));
        let after = self.after.as_ref().or(numbered.as_ref());
        // It was read before: a cache does not forget that.
        let page = cache.page(prefix, after, self.limit, takes).map(|page| page.value);
        let counts = self.is_hal.then(|| cache.count(prefix, after, takes)).flatten();
        let empty = || Page { records: Vec::new(), unreadable: Vec::new(), next: None };
        (page.unwrap_or_else(empty), counts)
    }

    /// The parameters of a page of the same list: this one, or the one behind `cursor`.
    pub(super) fn query(&self, cursor: Option<&str>) -> impl Iterator<Item = String> {
        let given = self.given.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let own = |after: &Cursor| ("cursor", after.to_string());
        let here = self.after.as_ref().map(own);
        let here = here.or(self.number.map(|number| ("page", number.to_string())));
        let begins = cursor.map_or(here, |cursor| Some(("cursor", cursor.to_owned())));
        given.chain(begins).map(|(name, value)| format!("{name}={}", encoded(&value)))
    }
}

fn page_number(text: &str) -> Result<usize, Problem> {
    let wrong = || Problem::bad_request(format!("page: {text:?} is no number from 0 on"));
    text.parse().map_err(|_| wrong())
}

fn unknown<T: Resource>(name: &str) -> Problem {
    let filters = T::FILTERS.iter().copied();
    let known: Vec<&str> = prefixes::<T>().chain(filters).chain(["limit", "cursor"]).collect();
    Problem::bad_request(format!("{name} is not known here; {} are", known.join(", ")))
}

impl<T: Resource> Describe for Listing<T> {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        for part in prefixes::<T>().chain(T::FILTERS.iter().copied()) {
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
