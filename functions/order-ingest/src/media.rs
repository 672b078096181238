//! Which bodies are looked at as one order.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use runtime::Problem;

/// What is sent with a body that may well be JSON: the types that say so, and those that clients
/// send who were not told what they send (`curl -d`, nats-connector).
const TYPES: [&str; 4] = ["application/json", "text/plain", "application/octet-stream", FORM];
/// What `curl -d` says of everything.
const FORM: &str = "application/x-www-form-urlencoded";

/// Refuses a body that says it is something else than JSON in UTF-8.
///
/// # Errors
/// 415, naming the header.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase())
    };
    if let Some(coding) = text(&header::CONTENT_ENCODING)
        && !matches!(coding.as_str(), "" | "identity")
    {
        return Err(refuse("content-encoding", &coding, "only a body that is not encoded is read"));
    }
    let Some(kind) = text(&header::CONTENT_TYPE) else { return Ok(()) };
    let (essence, parameters) = kind.split_once(';').unwrap_or((&kind, ""));
    let essence = essence.trim();
    if !(essence.is_empty() || essence.ends_with("+json") || TYPES.contains(&essence)) {
        return Err(refuse("content-type", essence, "an order is application/json"));
    }
    let charset = parameters.split(';').find_map(|one| one.trim().strip_prefix("charset="));
    match charset.map(|charset| charset.trim_matches('"')) {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => Err(refuse("content-type", other, "JSON is written in UTF-8")),
    }
}

fn refuse(field: &str, given: &str, reason: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        .detail("this is not an order that can be placed")
        .field(field, format!("is {given:?}; {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(name: &str, value: &str, expected: &str) {
        let name: HeaderName = name.parse().unwrap();
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        let got = check(&headers).map_or_else(
            |problem| {
                format!(
                    "{} {}: {}",
                    problem.status, problem.errors[0].field, problem.errors[0].reason
                )
            },
            |()| "looked at".to_owned(),
        );
        assert_eq!(got, expected);
    }

    #[test]
    fn what_may_be_json_is_looked_at() {
        check(&HeaderMap::new()).unwrap();
        for kind in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "text/plain",
            "application/problem+json",
            "application/x-www-form-urlencoded",
            "application/octet-stream",
            "application/json;charset=\"utf-8\"",
            "",
        ] {
            check_one("content-type", kind, "looked at");
        }
        check_one("content-encoding", "identity", "looked at");
    }

    #[test]
    fn what_says_that_it_is_something_else_is_not() {
        let rule = "an order is application/json";
        for kind in ["text/csv", "application/xml", "multipart/form-data", "json", "image/png"] {
            check_one("content-type", kind, &format!("415 content-type: is {kind:?}; {rule}"));
        }
        check_one(
            "content-type",
            "application/json; charset=latin1",
            "415 content-type: is \"latin1\"; JSON is written in UTF-8",
        );
        check_one(
            "content-encoding",
            "gzip",
            "415 content-encoding: is \"gzip\"; only a body that is not encoded is read",
        );
    }
}
