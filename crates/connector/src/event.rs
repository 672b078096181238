//! Turns a stored message into the CloudEvent that a function gets. Pure; data is never re-encoded.

use async_nats::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messaging::envelope::binary;
use messaging::header;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The type of a message that is no CloudEvent.
pub const RAW_TYPE: &str = "orderflow.raw.v1";

/// A stored message with its position.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The stream that keeps it.
    pub stream: &'a str,
    /// Its sequence there.
    pub sequence: u64,
    /// The sequence before it under the filter, for ordered functions.
    pub previous: Option<u64>,
    /// Its subject.
    pub subject: &'a str,
    /// When it was stored, RFC 3339.
    pub time: &'a str,
    /// Its headers: `traceparent`, and the attributes of an event in binary mode (`ce-…`).
    pub headers: Option<&'a HeaderMap>,
    /// Its payload.
    pub payload: &'a [u8],
}

impl Stored<'_> {
    /// True if the headers could not be parsed. An event in binary mode keeps most attributes there.
    fn is_unreadable(&self) -> bool {
        self.headers.is_some_and(|headers| headers.get(header::UNREADABLE).is_some())
    }

    fn traceparent(&self) -> Option<&str> {
        Some(self.headers?.get("traceparent")?.as_str())
    }

    /// The message in structured mode, if it is an event in binary mode.
    fn structured(&self) -> Option<Vec<u8>> {
        let headers = self.headers?;
        if !headers.iter().any(|(name, _)| binary::is_attribute(name.as_ref())) {
            return None;
        }
        let each = headers.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| (name.as_ref(), value.as_str()))
        });
        binary::structured(each, self.payload)
    }
}

/// An event for a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its `id`.
    pub id: String,
    /// One JSON object.
    pub json: Vec<u8>,
}

/// Makes the event. A CloudEvent gets `subject` and `sequence` (and `previous`) of the stored message;
/// anything else is wrapped. An event in binary mode is converted to structured mode first.
///
/// A message with unreadable headers is wrapped as bytes, so that no function takes it for an event.
#[must_use]
pub fn encode(stored: &Stored<'_>) -> Encoded {
    if stored.is_unreadable() {
        return wrap(stored, false);
    }
    match stored.structured() {
        Some(payload) => encode_payload(&Stored { payload: &payload, ..*stored }),
        None => encode_payload(stored),
    }
}

fn encode_payload(stored: &Stored<'_>) -> Encoded {
    match serde_json::from_slice::<Members<'_>>(stored.payload) {
        Ok(members) => match members.id() {
            Some(id) => splice(stored, &members, id),
            None => wrap(stored, true),
        },
        Err(_) => wrap(stored, serde_json::from_slice::<&RawValue>(stored.payload).is_ok()),
    }
}

/// Members that are always set here, whatever the message contains: functions rely on them.
const OURS: [&str; 3] = ["subject", "sequence", "previous"];

fn splice(stored: &Stored<'_>, members: &Members<'_>, id: String) -> Encoded {
    let foreign = |name: &str| !OURS.contains(&name);
    let subject = format!("\"{}\"", stored.subject);
    let is_true = |name: &str, value: &RawValue| name == "subject" && value.get() == subject;
    let named = members.get("subject").is_some_and(|value| is_true("subject", value));
    let stands =
        |(name, value): &(Name<'_>, &RawValue)| foreign(&name.0) || is_true(&name.0, value);
    let mut object = match stored.payload.trim_ascii().strip_suffix(b"}") {
        // The usual case: the members are copied unchanged.
        Some(open) if members.0.iter().all(stands) => {
            let mut object = Object::open(open, stored.payload.len() + 128);
            if !named {
                object.text("subject", stored.subject);
            }
            object
        }
        _ => {
            let mut object = Object::new(stored.payload.len() + 64);
            for (name, value) in members.0.iter().filter(|(name, _)| foreign(&name.0)) {
                object.raw(&name.0, value.get().as_bytes());
            }
            object.text("subject", stored.subject);
            object
        }
    };
    if members.get("traceparent").is_none() {
        object.traceparent(stored);
    }
    object.place(stored);
    Encoded { id, json: object.end() }
}

fn wrap(stored: &Stored<'_>, is_json: bool) -> Encoded {
    let id = format!("{}:{}", stored.stream, stored.sequence);
    let mut object = Object::new(stored.payload.len() + 256);
    object.text("specversion", "1.0");
    object.text("id", &id);
    object.text("source", &format!("/nats/{}", stored.subject));
    object.text("type", RAW_TYPE);
    object.text("subject", stored.subject);
    object.text("time", stored.time);
    object.traceparent(stored);
    object.place(stored);
    if is_json {
        object.text("datacontenttype", "application/json");
        object.raw("data", stored.payload.trim_ascii());
    } else if !stored.payload.is_empty() {
        object.text("datacontenttype", "application/octet-stream");
        object.text("data_base64", &STANDARD.encode(stored.payload));
    }
    Encoded { id, json: object.end() }
}

/// The body of a call.
#[must_use]
pub fn array<'a>(events: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let bytes: usize = events.clone().map(|event| event.len() + 1).sum();
    let mut json = Vec::with_capacity(bytes + 2);
    json.push(b'[');
    for (i, event) in events.enumerate() {
        if i > 0 {
            json.push(b',');
        }
        json.extend_from_slice(event);
    }
    json.push(b']');
    json
}

/// A JSON object that is being written.
struct Object(Vec<u8>);

impl Object {
    fn new(capacity: usize) -> Self {
        let mut json = Vec::with_capacity(capacity);
        json.push(b'{');
        Self(json)
    }

    /// Continues after `open`, an object without its closing brace. It has at least one member.
    fn open(open: &[u8], capacity: usize) -> Self {
        let mut json = Vec::with_capacity(capacity);
        json.extend_from_slice(open);
        Self(json)
    }

    fn raw(&mut self, name: &str, value: &[u8]) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.string(name);
        self.0.push(b':');
        self.0.extend_from_slice(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, b"");
        self.string(value);
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.0, text).expect("a string is written to memory");
    }

    fn traceparent(&mut self, stored: &Stored<'_>) {
        if let Some(traceparent) = stored.traceparent() {
            self.text("traceparent", traceparent);
        }
    }

    fn place(&mut self, stored: &Stored<'_>) {
        self.text("sequence", &stored.sequence.to_string());
        if let Some(previous) = stored.previous {
            self.text("previous", &previous.to_string());
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

/// The members of an object in their order, with raw values.
struct Members<'a>(Vec<(Name<'a>, &'a RawValue)>);

/// A name; borrowed unless it contains escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Members<'_> {
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(known, _)| known.0 == name).map(|(_, value)| *value)
    }

    fn string(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// The `id`, if this is a CloudEvent.
    fn id(&self) -> Option<String> {
        let is = |name| self.string(name).is_some_and(|text: String| !text.is_empty());
        let known = self.string("specversion")?.starts_with("1.") && is("source") && is("type");
        let once = |name| self.0.iter().filter(|(known, _)| known.0 == name).count() == 1;
        let whole = ["specversion", "id", "source", "type"].into_iter().all(once);
        self.string("id").filter(|id| known && whole && !id.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Vec<(Name<'de>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(12);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(All).map(Members)
    }
}

#[cfg(test)]
mod tests;
