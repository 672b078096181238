//! The event around an order: read as a whole, and attribute by attribute when that fails.

use chrono::{DateTime, Utc};
use domain::PartnerId;
use domain::problem::Problem;
use domain::raw::Error;
use messaging::envelope::Event;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Attributes whose value is any text.
const TEXTS: [&str; 9] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "datacontenttype",
    "file",
    "traceparent",
    "data_base64",
];

/// Reads the event that the connector sends.
///
/// # Errors
/// Which of its attributes are wrong, and why.
pub(crate) fn read(raw: &RawValue) -> Result<Event<Box<RawValue>>, Error> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let mut problems = problems(raw);
        if problems.is_empty() {
            let reason = format!("is not an event: {error}");
            problems.push(Problem { field: String::new(), reason });
        }
        Error::Invalid(problems)
    })
}

fn problems(raw: &RawValue) -> Vec<Problem> {
    let attributes: BTreeMap<String, &RawValue> =
        serde_json::from_str(raw.get()).unwrap_or_default();
    let mut problems = Vec::new();
    for (name, value) in attributes {
        let reason = match name.as_str() {
            "partner" => wrong::<Option<PartnerId>>(value),
            "time" => wrong::<Option<DateTime<Utc>>>(value)
                .map(|reason| format!("is not a time of RFC 3339: {reason}")),
            name if TEXTS.contains(&name) => wrong::<Option<String>>(value),
            _ => None,
        };
        problems.extend(reason.map(|reason| Problem { field: name, reason }));
    }
    problems
}

/// Why `value` is no `T`, without the place, which is that within the value.
fn wrong<T: DeserializeOwned>(value: &RawValue) -> Option<String> {
    let error = serde_json::from_str::<T>(value.get()).err()?.to_string();
    Some(error.rsplit_once(" at line ").map_or(error.as_str(), |(reason, _)| reason).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(members: &str, expected: &str) {
        let json = format!(r#"{{"specversion":"1.0","id":"1","source":"s",{members}}}"#);
        let raw = RawValue::from_string(json).unwrap();
        let got = read(&raw).map_or_else(|error| error.to_string(), |event| event.kind);
        assert_eq!(got, expected);
    }

    #[test]
    fn an_attribute_that_is_wrong_is_named() {
        check(r#""type":"t","partner":"US1","time":"2026-01-02T03:04:05Z""#, "t");
        check(
            r#""type":"t","partner":"US 1","time":"yesterday","file":7"#,
            "file: invalid type: integer `7`, expected a string; partner: contains ' '; allowed \
             are A-Z a-z 0-9 _ -; time: is not a time of RFC 3339: input contains invalid characters",
        );
        check(r#""partner":"US1""#, "is not an event: missing field `type` at line 1 column 59");
    }
}
