//! What an entry holds of a message that was passed over.

use messaging::stored::Standing;
use messaging::{Event, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Longest header that an entry repeats, in bytes; longer ones are left out. A SHA-256 has 64.
const HEADER_BYTES_MAX: usize = 1_024;
/// Headers of ours begin so.
const OURS: &str = "Orderflow-";

/// A message of the input that an operator passed over undecided: what of it is known without reading
/// its data, which may be what cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Skip {
    /// Its sequence.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// The type of its event, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its headers whose names begin with `Orderflow-`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Why, in the operator's words.
    pub reason: String,
    /// The earlier message on the same subject whose decision stays in force. Nothing in entries that were
    /// written before there was this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<InForce>,
}

/// A message of the input whose decision stays in force, whatever later messages its subject has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InForce {
    /// Its sequence.
    pub sequence: u64,
    /// What headers of its fact say that a fact about what was passed over repeats.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl InForce {
    /// Which try of what its subject names it is.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        attempt(&self.headers)
    }
}

fn attempt(headers: &BTreeMap<String, String>) -> u32 {
    headers.get(header::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1)
}

impl Skip {
    /// Passes over `message`; the decision on `in_force` stays valid.
    #[must_use]
    pub fn of(message: &Standing, in_force: Option<InForce>, reason: &str) -> Self {
        let event: Option<Event<Box<RawValue>>> = serde_json::from_slice(&message.payload).ok();
        let ours = message.headers.iter().filter_map(|(name, values)| {
            let (name, value) = (name.to_string(), values.first()?.as_str());
            let is_ours = name.starts_with(OURS) && value.len() <= HEADER_BYTES_MAX;
            is_ours.then(|| (name, value.to_owned()))
        });
        Self {
            sequence: message.sequence,
            subject: message.subject.clone(),
            kind: event.map(|event| event.kind).filter(|kind| kind.len() <= HEADER_BYTES_MAX),
            headers: ours.collect(),
            reason: reason.to_owned(),
            in_force,
        }
    }

    /// One of its headers.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Which try of what its subject names it is.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        attempt(&self.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &str, headers: &[(&'static str, &str)]) -> Standing {
        let mut map = async_nats::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Standing {
            sequence: 7,
            subject: "in.a".into(),
            headers: map,
            payload: payload.to_owned().into(),
            time_ms: 0,
        }
    }

    #[test]
    fn a_skip_repeats_what_is_known_without_the_data() {
        let event = r#"{"specversion":"1.0","id":"a","source":"/x","type":"t.v1","data":{"x":1}}"#;
        let long = "x".repeat(HEADER_BYTES_MAX + 1);
        let headers = [("Orderflow-Attempt", "2"), ("Nats-Msg-Id", "a"), ("Orderflow-File", &long)];
        let skip = Skip::of(&message(event, &headers), None, "why");
        assert_eq!((skip.kind.as_deref(), skip.attempt()), (Some("t.v1"), 2));
        assert_eq!(skip.headers.len(), 1);
        let skip = Skip::of(&message("no event", &[]), None, "why");
        assert_eq!((skip.kind, skip.headers.len()), (None, 0));
    }
}
