//! The event around an order: read as a whole, and attribute by attribute when that fails.

use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use domain::ids::ID_BYTES_MAX;
use domain::problem::Problem;
use domain::raw::Error;
use messaging::envelope::{Event, binary};
use messaging::events;
use runtime::events::Batch;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;
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
/// Attributes that every event has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];
/// The version of CloudEvents that is read.
const VERSION: &str = "1.0";
/// Digits of a SHA-256.
const FILE_DIGITS: usize = 64;
/// Most of an attribute's text that a reason repeats.
const SHOWN_CHARS: usize = 60;

/// Types of event that are orders: our own two, and those that the settings add.
#[derive(Clone, Debug)]
pub(crate) struct Types(Vec<String>);

impl Types {
    /// `more` are types of other programs, divided by blanks.
    pub(crate) fn with(more: &str) -> Self {
        let ours = [events::ORDER_RECEIVED, events::RAW];
        Self(ours.into_iter().chain(more.split_whitespace()).map(ToOwned::to_owned).collect())
    }
}

/// The event that an HTTP request brings, as JSON: one in binary mode (`ce-*` headers), or a body that says that
/// it is one, by its content type or by a `specversion`, which no order has. `None`: the body is an order.
pub(crate) fn of_request<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if headers.keys().any(|name| binary::is_attribute(name.as_str())) {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let texts: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let each = texts.iter().map(|(name, value)| (*name, value.as_str()));
        if let Some(json) = binary::structured(each, body) {
            return Some(json.into());
        }
    }
    let says_so = || {
        let members: Option<BTreeMap<String, &RawValue>> = serde_json::from_slice(body).ok();
        members.is_some_and(|members| members.contains_key("specversion"))
    };
    (Batch::is_announced(headers) || says_so()).then_some(body.into())
}

/// Reads an event from its JSON.
///
/// # Errors
/// Which of its attributes are wrong, and why.
pub(crate) fn read_json(json: &[u8]) -> Result<Event<Box<RawValue>>, Error> {
    let raw: &RawValue = serde_json::from_slice(json)
        .map_err(|error| Error::Unreadable(problem("", format!("is not JSON: {error}"))))?;
    read(raw)
}

/// Reads the event that the connector sends.
///
/// # Errors
/// Which of its attributes are wrong, and why.
pub(crate) fn read(raw: &RawValue) -> Result<Event<Box<RawValue>>, Error> {
    let event: Event<Box<RawValue>> = serde_json::from_str(raw.get()).map_err(|error| {
        let mut problems = problems(raw);
        if problems.is_empty() {
            problems.push(problem("", format!("is not an event: {error}")));
        }
        Error::Invalid(problems)
    })?;
    if event.kind == events::RAW
        && let Some(half) = event.data.as_deref().and_then(half)
    {
        return Err(Error::Invalid(half));
    }
    Ok(event)
}

/// Does the event say that it is an order, and nothing that could never be kept?
///
/// # Errors
/// What it says instead, with what is accepted.
pub(crate) fn check(event: &Event<Box<RawValue>>, types: &Types) -> Result<(), Error> {
    let mut problems = Vec::new();
    let mut wrong = |field: &str, reason: String| problems.push(problem(field, reason));
    let Event { specversion, kind, id, file, .. } = event;
    if specversion != VERSION {
        wrong(
            "specversion",
            format!("is {}, and events of version {VERSION} are read", shown(specversion)),
        );
    }
    if !types.0.contains(kind) {
        let accepted = types.0.join(", ");
        let reason =
            format!("is {}, which is no order; types of orders are {accepted}", shown(kind));
        wrong("type", reason);
    }
    let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let file_is_one = |file: &String| file.len() == FILE_DIGITS && file.bytes().all(is_digit);
    if let Some(file) = file.as_ref().filter(|file| !file_is_one(file)) {
        let reason = format!(
            "is {}, not the SHA-256 of a file ({FILE_DIGITS} digits of 0-9 and a-f)",
            shown(file)
        );
        wrong("file", reason);
    }
    // That of an order in a file begins with the file.
    let own = file.as_ref().and_then(|file| id.strip_prefix(file.as_str())?.strip_prefix(':'));
    let len = own.unwrap_or(id).len();
    if ID_BYTES_MAX < len {
        wrong("id", format!("has {len} bytes, the limit is {ID_BYTES_MAX}"));
    }
    if event.data.is_some() && event.data_base64.is_some() {
        wrong("data_base64", "stands beside `data`; an event has one of them".to_owned());
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
}

/// What is missing of an event that is no whole one, if `data` looks like half an event: the connector
/// wraps that as it wraps everything that is none.
fn half(data: &RawValue) -> Option<Vec<Problem>> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(data.get()).ok()?;
    if !members.contains_key("specversion") {
        return None;
    }
    let text =
        |name: &str| serde_json::from_str::<Option<String>>(members.get(name)?.get()).ok()?;
    let reason = |name: &str| match (members.get(name), text(name)) {
        (None, _) => Some("is missing, and every CloudEvent has one".to_owned()),
        (Some(value), None) if value.get() == "null" => {
            Some("is missing, and every CloudEvent has one".to_owned())
        }
        (Some(_), None) => Some("is not text".to_owned()),
        (Some(_), Some(text)) if text.is_empty() => Some("is empty".to_owned()),
        (Some(_), Some(text)) if name == "specversion" && !text.starts_with("1.") => {
            Some(format!("is {}, and events of version {VERSION} are read", shown(&text)))
        }
        (Some(_), Some(_)) => None,
    };
    let found = REQUIRED.iter().filter_map(|name| Some(problem(name, reason(name)?)));
    let mut found: Vec<Problem> = found.collect();
    if found.is_empty() {
        let reason = "is a CloudEvent with an attribute that is given more than once";
        found.push(problem("", reason.to_owned()));
    }
    Some(found)
}

fn problem(field: &str, reason: String) -> Problem {
    Problem { field: field.to_owned(), reason }
}

/// The beginning of what somebody sent, in quotes.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

fn problems(raw: &RawValue) -> Vec<Problem> {
    let attributes: BTreeMap<String, &RawValue> =
        serde_json::from_str(raw.get()).unwrap_or_default();
    let mut problems = Vec::new();
    for name in REQUIRED.iter().filter(|name| !attributes.contains_key(**name)) {
        problems.push(problem(name, "is missing, and every CloudEvent has one".to_owned()));
    }
    for (name, value) in attributes {
        let reason = match name.as_str() {
            "partner" => wrong::<Option<PartnerId>>(value),
            "time" => wrong::<Option<DateTime<Utc>>>(value)
                .map(|reason| format!("is not a time of RFC 3339: {reason}")),
            name if REQUIRED.contains(&name) => wrong::<String>(value),
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
    fn run(json: String, expected: &str) {
        let raw = RawValue::from_string(json).unwrap();
        let types = Types::with("com.shop.order.created");
        let got = read(&raw).and_then(|event| check(&event, &types).map(|()| event));
        let got = got.map_or_else(|error| error.to_string(), |event| event.kind);
        assert_eq!(got, expected);
    }

    /// An event that is good but for `members`.
    #[track_caller]
    fn with(members: &str, expected: &str) {
        let good = [
            ("specversion", r#""1.0""#),
            ("id", r#""1""#),
            ("source", r#""s""#),
            ("type", r#""orderflow.order.received.v1""#),
        ];
        let good = good.into_iter().filter(|(name, _)| !members.contains(&format!("{name:?}")));
        let good: String = good.map(|(name, value)| format!("{name:?}:{value},")).collect();
        run(format!("{{{good}{members}}}"), expected);
    }

    const GOOD: &str = "orderflow.order.received.v1";

    #[test]
    fn an_attribute_that_is_wrong_is_named() {
        with(r#""partner":"US1","time":"2026-01-02T03:04:05Z""#, GOOD);
        with(
            r#""partner":"US 1","time":"yesterday","file":7"#,
            "file: invalid type: integer `7`, expected a string; partner: contains ' '; allowed \
             are A-Z a-z 0-9 _ -; time: is not a time of RFC 3339: input contains invalid characters",
        );
        run(
            r#"{"specversion":"1.0","source":"s","partner":"US1"}"#.to_owned(),
            "id: is missing, and every CloudEvent has one; type: is missing, and every CloudEvent \
             has one",
        );
        with(r#""x":1,"x":2"#, GOOD);
        with(
            r#""partner":"US1","partner":"US1""#,
            "is not an event: duplicate field `partner` at line 1 column 105",
        );
    }

    #[test]
    fn only_what_says_that_it_is_an_order_is_one() {
        with(r#""type":"orderflow.raw.v1""#, "orderflow.raw.v1");
        with(r#""type":"com.shop.order.created""#, "com.shop.order.created");
        let list = "orderflow.order.received.v1, orderflow.raw.v1, com.shop.order.created";
        for kind in [
            "com.shop.cart.abandoned",
            "orderflow.order.placed.v1",
            "orderflow.order.received.v2",
            "",
        ] {
            with(
                &format!(r#""type":{kind:?}"#),
                &format!("type: is {kind:?}, which is no order; types of orders are {list}"),
            );
        }
        with(
            r#""specversion":"1.1""#,
            "specversion: is \"1.1\", and events of version 1.0 are read",
        );
    }

    #[test]
    fn what_no_header_could_carry_is_refused() {
        let (file, order) = ("0a".repeat(32), "x".repeat(128));
        with(&format!(r#""id":{order:?}"#), GOOD);
        with(&format!(r#""id":"{order}x""#), "id: has 129 bytes, the limit is 128");
        with(&format!(r#""file":{file:?},"id":"{file}:{order}""#), GOOD);
        with(
            &format!(r#""file":{file:?},"id":"{file}:{order}x""#),
            "id: has 129 bytes, the limit is 128",
        );
        for wrong in
            ["cafe".to_owned(), file.to_uppercase(), "a\r\n".to_owned() + &file, "x".repeat(70_000)]
        {
            let cut: String = wrong.chars().take(60).collect();
            let more = if wrong.len() > 60 { "…" } else { "" };
            with(
                &format!(r#""file":{wrong:?}"#),
                &format!(
                    "file: is {cut:?}{more}, not the SHA-256 of a file (64 digits of 0-9 and a-f)"
                ),
            );
        }
    }

    #[test]
    fn an_event_has_one_kind_of_data() {
        with(
            r#""data":{},"data_base64":"e30=""#,
            "data_base64: stands beside `data`; an event has one of them",
        );
        with(r#""data":null,"data_base64":"e30=""#, GOOD);
    }

    #[test]
    fn half_an_event_says_what_is_missing() {
        let half = |data: &str, expected: &str| {
            let head = r#""specversion":"1.0","id":"1","source":"s","type":"orderflow.raw.v1""#;
            run(format!("{{{head},\"data\":{data}}}"), expected);
        };
        half(
            r#"{"specversion":"1.0","source":"s","type":"t","data":{}}"#,
            "id: is missing, and every CloudEvent has one",
        );
        half(
            r#"{"specversion":null,"partner":"US1","id":"","source":7,"type":"t"}"#,
            "specversion: is missing, and every CloudEvent has one; id: is empty; source: is not text",
        );
        half(
            r#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#,
            "specversion: is \"0.3\", and events of version 1.0 are read",
        );
        half(
            r#"{"specversion":"1.0","id":"1","id":"2","source":"s","type":"t"}"#,
            "is a CloudEvent with an attribute that is given more than once",
        );
        half(r#"{"order_id":"1"}"#, "orderflow.raw.v1");
        half("[1]", "orderflow.raw.v1");
    }
}
