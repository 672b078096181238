//! Looks at streams and buckets without changing them.

use super::Settings;
use super::config::Target;
use crate::Nats;
use crate::subject::{covers, overlap};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::Config;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// Settings that an installation may make of its own: `setup` has no opinion on them, or the server
/// sets them itself.
const FREE: [&str; 10] = [
    "description",
    "metadata",
    "placement",
    "sources",
    "republish",
    "subject_transform",
    "compression",
    "consumer_limits",
    "first_seq",
    "deny_purge",
];
/// Settings in nanoseconds.
const TIMES: [&str; 2] = ["max_age", "duplicate_window"];
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A stream or bucket, compared with what [`super::setup`] would make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The stream or bucket.
    pub name: String,
    /// How it stands.
    pub state: State,
}

/// How a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As `setup` makes it.
    AsSetUp,
    /// It is not there.
    Missing,
    /// These settings are others.
    Differs(Vec<Difference>),
    /// The server did not say.
    Unknown(String),
}

/// A setting that is another; nothing stands for the server's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name in the server's configuration of streams.
    pub setting: String,
    /// What it is.
    pub is: Option<Value>,
    /// What `setup` makes it.
    pub should_be: Option<Value>,
}

impl Difference {
    /// Would the stream keep less, in fewer copies or less safely, if it was as `setup` makes it?
    #[must_use]
    pub fn shrinks(&self) -> bool {
        let (is, should_be) = (number(&self.is), number(&self.should_be));
        match self.setting.as_str() {
            "num_replicas" => should_be < is,
            "max_age" | "max_bytes" | "max_msgs" | "max_msgs_per_subject" | "max_msg_size" => {
                match (is, should_be) {
                    (_, None) => false,
                    (None, Some(_)) => true,
                    (Some(is), Some(should_be)) => should_be < is,
                }
            }
            "subjects" => {
                let wanted = texts(&self.should_be);
                texts(&self.is).iter().any(|is| !wanted.iter().any(|wanted| covers(wanted, is)))
            }
            "deny_delete" => self.is == Some(Value::Bool(true)),
            // Answered by followers that may be behind.
            "allow_direct" => self.should_be == Some(Value::Bool(true)),
            "discard" => self.is == Some(Value::from("new")),
            _ => false,
        }
    }

    /// Where a stream has subjects of the installation's own: the change that leaves them, and adds those that are
    /// missing.
    pub(super) fn added_subjects(&self) -> Option<Self> {
        let (is, wanted) = (texts(&self.is), texts(&self.should_be));
        let by = |wanted: &[String], is: &str| wanted.iter().any(|wanted| covers(wanted, is));
        let own: Vec<String> = is.iter().filter(|is| !by(&wanted, is)).cloned().collect();
        // One stream cannot have two subjects that overlap.
        let fits = |wanted: &String| !own.iter().any(|own| overlap(own, wanted));
        let (added, left): (Vec<String>, Vec<String>) = wanted.into_iter().partition(fits);
        let still = is.iter().filter(|is| by(&left, is) && !by(&added, is));
        let all: Vec<String> = own.iter().chain(still).chain(&added).cloned().collect();
        let is_more = self.setting == "subjects" && all.iter().any(|one| !is.contains(one));
        let all = all.into_iter().map(Value::from).collect();
        is_more.then(|| Self { should_be: Some(Value::Array(all)), ..self.clone() })
    }

    /// The change from what it is to what it should be.
    #[must_use]
    pub fn change(&self) -> String {
        format!("{} {} -> {}", self.setting, self.text(&self.is), self.text(&self.should_be))
    }

    fn text(&self, value: &Option<Value>) -> String {
        let Some(value) = value else { return "not set".to_owned() };
        match value.as_u64().filter(|_| TIMES.contains(&self.setting.as_str())) {
            Some(nanos) => format!("{} s", nanos / NANOS_PER_SECOND),
            None => value.to_string(),
        }
    }
}

/// A limit; nothing for one that does not limit.
fn number(value: &Option<Value>) -> Option<i64> {
    value.as_ref()?.as_i64().filter(|number| 0 < *number)
}

fn texts(value: &Option<Value>) -> Vec<String> {
    let list = value.as_ref().and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is, should_be) = (self.text(&self.is), self.text(&self.should_be));
        write!(f, "{} is {is}, not {should_be}", self.setting)
    }
}

/// Looks at every stream and bucket.
pub async fn inspect(nats: &Nats, settings: Settings) -> Vec<Inspection> {
    let mut inspections = Vec::new();
    for target in Target::all() {
        let state = state(nats, target, &settings).await;
        inspections.push(Inspection { name: target.title(), state });
    }
    inspections
}

async fn state(nats: &Nats, target: Target, settings: &Settings) -> State {
    match nats.js.get_stream(target.stream()).await {
        Ok(stream) => {
            let is = &stream.cached_info().config;
            match differences(is, &target.config(settings, Some(is))) {
                found if found.is_empty() => State::AsSetUp,
                found => State::Differs(found),
            }
        }
        Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(ref e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND) => {
            State::Missing
        }
        Err(error) => State::Unknown(error.to_string()),
    }
}

/// Compares what goes over the wire, so that no setting is left out.
pub(super) fn differences(is: &Config, wanted: &Config) -> Vec<Difference> {
    let (is, wanted) = (wire(is), wire(wanted));
    let names: BTreeSet<&String> = is.keys().chain(wanted.keys()).collect();
    let differing = names
        .into_iter()
        .filter(|name| !FREE.contains(&name.as_str()) && value(&is, name) != value(&wanted, name));
    differing
        .map(|name| Difference {
            setting: name.clone(),
            is: is.get(name).cloned(),
            should_be: wanted.get(name).cloned(),
        })
        .collect()
}

fn wire(config: &Config) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// Nothing where it means the same as nothing; the order of subjects means nothing.
fn value(config: &Map<String, Value>, name: &str) -> Option<Value> {
    let mut value = config.get(name)?.clone();
    if let Value::Array(items) = &mut value {
        items.sort_by_key(ToString::to_string);
    }
    (!is_default(&value)).then_some(value)
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        // Unlimited: the server writes one, a client may write the other.
        Value::Number(number) => matches!(number.as_i64(), Some(0 | -1)),
        Value::String(text) => text.is_empty() || text == "none",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{Definition, FILES, STREAMS};
    use std::time::Duration;

    fn files() -> &'static Definition {
        STREAMS.iter().find(|stream| stream.name == FILES).unwrap()
    }

    #[test]
    fn each_setting_that_is_another_is_named() {
        let wanted = Target::Stream(files()).config(&Settings::copies(3), None);
        assert_eq!(differences(&wanted, &wanted), []);
        let mut is = wanted.clone();
        is.subjects.reverse();
        is.max_messages = 0;
        is.description = Some("ours".into());
        assert_eq!(differences(&is, &wanted), [], "what means the same");
        assert!(is_default(&serde_json::json!({"inactive_threshold": 0, "max_ack_pending": 0})));
        is.max_age = Duration::from_secs(60);
        is.deny_delete = false;
        is.num_replicas = 1;
        is.subjects.pop();
        let found: Vec<String> =
            differences(&is, &wanted).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[0], "deny_delete is not set, not true");
        assert_eq!(found[1], "max_age is 60 s, not 7776000 s");
        assert_eq!(found[2], "num_replicas is 1, not 3");
        assert!(found[3].starts_with("subjects is ["), "{found:?}");
    }

    #[test]
    fn what_would_keep_less_shrinks() {
        let wanted = Target::Stream(files()).config(&Settings::copies(3), None);
        let mut is = wanted.clone();
        is.num_replicas = 1;
        is.max_age = Duration::from_secs(60);
        is.max_bytes = 1 << 20;
        is.subjects.pop();
        is.deny_delete = false;
        let grows = differences(&is, &wanted);
        assert_eq!(grows.iter().filter(|found| found.shrinks()).count(), 0, "{grows:?}");
        let shrinks = differences(&wanted, &is);
        assert_eq!(shrinks.iter().filter(|found| found.shrinks()).count(), 5, "{shrinks:?}");
        is.max_age = Duration::ZERO;
        let found = differences(&is, &wanted);
        let age = found.iter().find(|found| found.setting == "max_age").unwrap();
        assert!(age.shrinks(), "for ever is more than any number of days");
        assert_eq!(age.change(), "max_age 0 s -> 7776000 s");
    }
}
