//! CloudEvents in binary mode: attributes in headers that begin with `ce-`, data in the body. Pure.
//!
//! Such a message is rewritten in structured mode, so that there is one reader of events. Nothing
//! is left out: what is missing or given twice is missing or given twice in the JSON as well, and its
//! reader says so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

/// What the name of an attribute's header begins with.
const PREFIX: &str = "ce-";
const CONTENT_TYPE: &str = "content-type";

/// Does a header of this name say that the message is an event in binary mode?
#[must_use]
pub fn is_attribute(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The event as one JSON object, if any of `headers` is an attribute's.
///
/// `specversion` is always there, `null` if no header says it: so half an event is known as one.
/// Data is JSON if it is JSON and the content type does not say that it is something else.
#[must_use]
pub fn structured<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> Option<Vec<u8>> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    let mut content_type = None;
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if name == CONTENT_TYPE {
            content_type = Some(value);
        } else if let Some(name) = name.strip_prefix(PREFIX) {
            attributes.push((name.to_owned(), decoded(value)));
        }
    }
    // In structured mode the body is the event, whatever headers stand beside it.
    if attributes.is_empty() || content_type.is_some_and(is_structured) {
        return None;
    }
    // Headers come in no order; the same event is always the same JSON.
    attributes.sort();
    let mut json = Json::default();
    if !attributes.iter().any(|(name, _)| name == "specversion") {
        json.member("specversion", b"null");
    }
    for (name, value) in &attributes {
        json.text(name, value);
    }
    let is_said = attributes.iter().any(|(name, _)| name == "datacontenttype");
    if let Some(content_type) = content_type.filter(|_| !is_said) {
        json.text("datacontenttype", content_type);
    }
    if body.is_empty() {
        return Some(json.end());
    }
    let raw = serde_json::from_slice::<&RawValue>(body).ok();
    match raw.filter(|_| content_type.is_none_or(is_json)) {
        Some(raw) => json.member("data", raw.get().as_bytes()),
        None => json.text("data_base64", &STANDARD.encode(body)),
    }
    Some(json.end())
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_structured(content_type: &str) -> bool {
    essence(content_type).starts_with("application/cloudevents")
}

/// Is this the type of JSON, or of nothing in particular?
fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.ends_with("+json")
        || matches!(
            essence.as_str(),
            "" | "application/json"
                | "text/json"
                | "text/plain"
                | "application/octet-stream"
                | "application/x-www-form-urlencoded"
        )
}

/// Attribute values are percent-encoded in headers. What is not stays as it is.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        let escaped = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(first));
        rest = after.get(if escaped.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

/// One JSON object in the making.
#[derive(Default)]
struct Json(Vec<u8>);

impl Json {
    fn member(&mut self, name: &str, value: &[u8]) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.string(name);
        self.0.push(b':');
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.member(name, b"");
        self.string(value);
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.0, text).expect("a string is written to memory");
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], body: &[u8], expected: &str) {
        let json = structured(headers.iter().copied(), body);
        let json = json.map(|json| String::from_utf8(json).unwrap()).unwrap_or_default();
        assert_eq!(json, expected);
    }

    #[test]
    fn attributes_come_from_headers_and_data_from_the_body() {
        let whole = [
            ("CE-SpecVersion", "1.0"),
            ("ce-id", "7"),
            ("ce-source", "/caf%C3%A9%20%zz"),
            ("ce-type", "t"),
            ("ce-partner", "US1"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("Trace", "x"),
        ];
        check(
            &whole,
            b" {\"price\": 1.50} ",
            r#"{"id":"7","partner":"US1","source":"/café %zz","specversion":"1.0","type":"t","datacontenttype":"application/json; charset=utf-8","data":{"price": 1.50}}"#,
        );
    }

    #[test]
    fn what_is_missing_or_doubled_stays_so() {
        check(&[("Trace", "x"), ("content-type", "text/plain")], b"{}", "");
        check(&[("ce-id", "x"), ("content-type", "application/cloudevents+json")], b"{}", "");
        check(&[("ce-partner", "US1")], b"1", r#"{"specversion":null,"partner":"US1","data":1}"#);
        check(&[("ce-id", "1"), ("ce-id", "2")], b"", r#"{"specversion":null,"id":"1","id":"2"}"#);
    }

    #[test]
    fn a_body_that_is_no_json_is_kept_whole() {
        check(&[("ce-id", "1")], b"{no", r#"{"specversion":null,"id":"1","data_base64":"e25v"}"#);
        check(
            &[("ce-id", "1"), ("content-type", "text/csv")],
            b"1",
            r#"{"specversion":null,"id":"1","datacontenttype":"text/csv","data_base64":"MQ=="}"#,
        );
    }

    proptest! {
        #[test]
        fn any_headers_and_body_make_json(name in "ce-[a-z]{0,5}", value in any::<String>(), body in prop::collection::vec(any::<u8>(), 0..40)) {
            let json = structured([(name.as_str(), value.as_str())].into_iter(), &body).unwrap();
            prop_assert!(serde_json::from_slice::<&RawValue>(&json).is_ok());
        }
    }
}
