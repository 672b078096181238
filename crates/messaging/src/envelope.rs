//! CloudEvents 1.0 in JSON.

pub mod binary;

use chrono::{DateTime, Utc};
use domain::PartnerId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One event; `D` is the type of its data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event<D = Box<RawValue>> {
    /// Always `1.0`.
    pub specversion: String,
    /// Derived from what caused it, never invented: the same cause has the same id.
    pub id: String,
    /// `/functions/<name>`, or the partner.
    pub source: String,
    /// `orderflow.order.placed.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The NATS subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// Media type of `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// Whose event it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    /// SHA-256 of the file it came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Stream sequence, set by the connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// Sequence before it under the filter, set by the connector for ordered functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// What happened.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub data: Option<D>,
    /// Data that is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
}

impl<D> Event<D> {
    /// An event of our own.
    #[must_use]
    pub fn new(id: String, source: &str, kind: &str, subject: &str, data: D) -> Self {
        Self {
            specversion: "1.0".into(),
            id,
            source: source.into(),
            kind: kind.into(),
            subject: Some(subject.into()),
            time: None,
            datacontenttype: Some("application/json".into()),
            partner: None,
            file: None,
            traceparent: None,
            sequence: None,
            previous: None,
            data: Some(data),
            data_base64: None,
        }
    }

    /// The stream sequence that the connector set.
    #[must_use]
    pub fn stream_sequence(&self) -> Option<u64> {
        self.sequence.as_deref()?.parse().ok()
    }

    /// The sequence before it under the filter, as the connector set it.
    #[must_use]
    pub fn stream_previous(&self) -> Option<u64> {
        self.previous.as_deref()?.parse().ok()
    }
}

impl<D: Serialize> Event<D> {
    /// As bytes to publish.
    #[must_use]
    pub fn to_bytes(&self) -> bytes::Bytes {
        serde_json::to_vec(self).expect("events have only string keys").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_its_data_as_it_came() {
        let json = r#"{"specversion":"1.0","id":"1","source":"/x","type":"t","data":{"a":1.50}}"#;
        let event: Event = serde_json::from_str(json).unwrap();
        assert_eq!(event.data.as_ref().unwrap().get(), r#"{"a":1.50}"#);
        assert_eq!(event.to_bytes(), json);
    }
}
