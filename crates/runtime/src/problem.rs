//! Errors for people and programs: RFC 9457.

use std::ops::{Deref, DerefMut};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The content type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// `Retry-After` of a 503: servers that lost their leader need a few seconds.
pub const RETRY_AFTER_SECONDS: u16 = 2;

/// An error answer: `application/problem+json`. It dereferences to its [`Members`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problem(Box<Members>);

/// The members of a problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Members {
    /// The kind of problem as a URI; `about:blank` if the status is enough.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The same for every problem of this kind.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What is wrong in this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The wrong fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Further members, such as the position of a journal.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One wrong field of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Its path, such as `lines[2].quantity`.
    pub field: String,
    /// Why it is wrong.
    pub reason: String,
}

impl Problem {
    /// A problem with the title of `status`.
    pub fn new(status: StatusCode) -> Self {
        Self(Box::new(Members {
            kind: about_blank(),
            title: status.canonical_reason().unwrap_or("Unknown").to_owned(),
            status: status.as_u16(),
            detail: None,
            errors: Vec::new(),
            more: Map::new(),
        }))
    }

    /// 400: the input cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 422: the body is not JSON, or not with the expected fields.
    pub fn unreadable(error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Data => {
                "the body does not have the fields that are needed here"
            }
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => "the body is not JSON",
        };
        Self::invalid(format!("{what}: {error}"))
    }

    /// 404: the requested thing does not exist here.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND).detail(detail)
    }

    /// 409: the input conflicts with the current state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT).detail(detail)
    }

    /// 422: the input can be read, but breaks rules; add them with [`Problem::field`].
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail)
    }

    /// 503: a service that this function needs does not answer; log which one, but do not name it here.
    /// The answer asks the client to retry after [`RETRY_AFTER_SECONDS`].
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE).detail(detail)
    }

    /// 500 without details; those are only in the log.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Sets what is wrong in this request.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a wrong field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, reason: impl Into<String>) -> Self {
        self.0.errors.push(FieldError { field: field.into(), reason: reason.into() });
        self
    }

    /// Adds another member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// The status as a type; 500 if `status` is not valid.
    pub fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Deref for Problem {
    type Target = Members;

    fn deref(&self) -> &Members {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Members {
        &mut self.0
    }
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("strings and JSON values always serialize");
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        let status = self.status_code();
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_the_rfc() {
        let problem = Problem::invalid("1 field is wrong").field("lines[0].price", "not a number");
        let json = serde_json::to_value(&problem).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
            "detail": "1 field is wrong",
            "errors": [{"field": "lines[0].price", "reason": "not a number"}],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_503_says_when_to_retry() {
        let after =
            |problem: Problem| problem.into_response().headers().get("retry-after").cloned();
        assert_eq!(after(Problem::unavailable("no leader")).unwrap(), "2");
        assert_eq!(after(Problem::internal()), None);
    }

    #[test]
    fn a_problem_survives_the_wire() {
        let problem = Problem::conflict("a gap").with("decided_to", 7);
        let text = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }
}
