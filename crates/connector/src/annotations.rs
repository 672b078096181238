//! The annotations of a function: how it wants to be called. Pure.

use crate::metrics::OfFilter;
use crate::value;
use messaging::streams;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The names of the annotations, and what each means; `docs/CONNECTOR.md` has the limits.
pub const KNOWN: [(&str, &str); 12] = [
    ("topic", "The subject that the function is called with, or cron-function for a schedule"),
    ("schedule", "With the topic cron-function: five fields as of cron, in UTC"),
    ("orderflow.topics", "Further subjects, separated by spaces"),
    ("orderflow.batch", "Most messages of a call; 1 without it"),
    ("orderflow.batch-bytes", "Most bytes of a call, as 64KiB; 1MiB without it"),
    ("orderflow.batch-wait", "How long to wait for a fuller batch, as 20ms"),
    ("orderflow.timeout", "Longest call, as 45s"),
    (
        "orderflow.max-deliver",
        "Attempts before a message that fails alone is given up; 10 without it",
    ),
    ("orderflow.max-inflight", "Most calls at once; 4 without it"),
    ("orderflow.deliver", "Where a new subscription starts: all, new, or an age such as 1h"),
    (
        "orderflow.ordered",
        "true: in stream order without gaps, the position is kept by the function",
    ),
    ("orderflow.lanes", "Lanes of an ordered topic, separated by spaces: main west"),
];
/// The topic of functions that cron-connector calls.
const CRON: &str = "cron-function";
/// Longest name of a durable consumer; the server creates a folder with this name.
const NAME_BYTES_MAX: usize = 250;
/// Largest body of an `application/cloudevents-batch+json` call.
const BATCH_BYTES_MAX: u64 = 8 * 1024 * 1024;
const MILLISECONDS_PER_DAY: u64 = 24 * 60 * 60 * 1_000;

/// One subject that one function is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The function.
    pub function: String,
    /// The messages it gets, as a NATS filter.
    pub filter: String,
    /// The stream that keeps them.
    pub stream: String,
    /// Most messages in one call.
    pub batch: usize,
    /// Most bytes in one call; a larger message is sent alone.
    pub batch_bytes: usize,
    /// How long to wait for a fuller batch.
    pub batch_wait: Duration,
    /// Time-out of a call.
    pub timeout: Duration,
    /// Attempts before a message that fails alone is given up.
    pub max_deliver: u32,
    /// Unordered or ordered.
    pub mode: Mode,
}

impl Subscription {
    /// Its labels in metrics.
    pub(crate) fn name(&self) -> OfFilter {
        let Self { function, filter, stream, .. } = self;
        let filter = match streams::formerly(filter) {
            Some(former) if former == stream => format!("{filter} ({former})"),
            _ => filter.clone(),
        };
        OfFilter { function: function.clone(), filter }
    }
}

/// How messages are given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each message on its own; the server records which are done.
    Unordered {
        /// Where a new subscription starts.
        deliver: Deliver,
        /// Most calls at once.
        max_inflight: usize,
    },
    /// In stream order without gaps; the function keeps the position.
    Ordered,
}

/// Where a new subscription starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// With the oldest stored message.
    All,
    /// With messages stored from now on.
    New,
    /// With messages that are at most this old.
    Since(Duration),
}

/// An annotation that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The function.
    pub function: String,
    /// The annotation.
    pub annotation: &'static str,
    /// Its value.
    pub value: String,
    /// Why the value cannot be used.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, annotation, value, reason } = self;
        write!(f, "function {function}: {annotation} {value:?}: {reason}")
    }
}

/// Reads a function's annotations: its subscriptions, or none if it is not called by events.
///
/// # Errors
/// All problems found; the function is then not called at all.
pub fn parse(
    function: &str,
    annotations: &BTreeMap<String, String>,
) -> Result<Vec<Subscription>, Vec<Problem>> {
    let mut reader = Reader { function, annotations, problems: Vec::new() };
    let topics = reader.topics();
    if topics.is_empty() && reader.problems.is_empty() {
        return Ok(Vec::new());
    }
    let ordered = reader.get("orderflow.ordered", false, value::flag);
    let filters = reader.filters(topics, ordered);
    let deliver = reader.get("orderflow.deliver", Deliver::All, deliver);
    let max_inflight = reader.count("orderflow.max-inflight", 4, 256);
    let batch = reader.count("orderflow.batch", 1, 10_000);
    let batch_bytes = reader.get("orderflow.batch-bytes", 1024 * 1024, |text| {
        value::within(value::bytes(text)?, 1, BATCH_BYTES_MAX, "bytes")
    });
    let batch_wait = reader.duration("orderflow.batch-wait", 20, 0, 10_000);
    let timeout = reader.duration("orderflow.timeout", 45_000, 100, 900_000);
    let max_deliver = reader.count("orderflow.max-deliver", 10, 1_000);
    let mode = if ordered { Mode::Ordered } else { Mode::Unordered { deliver, max_inflight } };
    let subscriptions = filters.into_iter().map(|(filter, stream)| Subscription {
        function: function.to_owned(),
        filter,
        stream,
        batch,
        batch_bytes: usize::try_from(batch_bytes).unwrap_or(usize::MAX),
        batch_wait,
        timeout,
        max_deliver: u32::try_from(max_deliver).unwrap_or(u32::MAX),
        mode: mode.clone(),
    });
    let subscriptions = subscriptions.collect();
    if reader.problems.is_empty() { Ok(subscriptions) } else { Err(reader.problems) }
}

struct Reader<'a> {
    function: &'a str,
    annotations: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn text(&self, annotation: &str) -> &str {
        self.annotations.get(annotation).map_or("", |text| text.trim())
    }

    fn problem(&mut self, annotation: &'static str, value: &str, reason: impl Into<String>) {
        self.problems.push(Problem {
            function: self.function.to_owned(),
            annotation,
            value: value.to_owned(),
            reason: reason.into(),
        });
    }

    fn get<T>(
        &mut self,
        annotation: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        let text = self.text(annotation).to_owned();
        if text.is_empty() {
            return default;
        }
        parse(&text).unwrap_or_else(|reason| {
            self.problem(annotation, &text, reason);
            default
        })
    }

    fn count(&mut self, annotation: &'static str, default: usize, max: u64) -> usize {
        self.get(annotation, default, |text| {
            let number = value::within(value::number(text)?, 1, max, "")?;
            usize::try_from(number).map_err(|error| error.to_string())
        })
    }

    fn duration(
        &mut self,
        annotation: &'static str,
        default_ms: u64,
        min_ms: u64,
        max_ms: u64,
    ) -> Duration {
        let default = Duration::from_millis(default_ms);
        self.get(annotation, default, |text| {
            let ms = value::within(value::milliseconds(text)?, min_ms, max_ms, "ms")?;
            Ok(Duration::from_millis(ms))
        })
    }

    /// The subjects, each with the annotation that names it.
    fn topics(&mut self) -> Vec<(&'static str, String)> {
        let mut topics: Vec<(&'static str, String)> = Vec::new();
        for annotation in ["topic", "orderflow.topics"] {
            for topic in self.text(annotation).to_owned().split_ascii_whitespace() {
                if topic != CRON && topics.iter().all(|(_, known)| known != topic) {
                    topics.push((annotation, topic.to_owned()));
                }
            }
        }
        topics
    }

    /// The filters to read, each with its stream.
    fn filters(
        &mut self,
        topics: Vec<(&'static str, String)>,
        ordered: bool,
    ) -> Vec<(String, String)> {
        let lanes = self.text("orderflow.lanes").to_owned();
        if !lanes.is_empty() && !ordered {
            self.problem("orderflow.lanes", &lanes, "only with orderflow.ordered \"true\"");
        }
        if ordered && topics.len() > 1 {
            let all: Vec<_> = topics.iter().map(|(_, topic)| topic.as_str()).collect();
            let reason = "an ordered function has one topic";
            self.problem("orderflow.topics", &all.join(" "), reason);
        }
        for lane in lanes.split_ascii_whitespace().filter(|lane| !is_token(lane)) {
            self.problem("orderflow.lanes", lane, "a lane is one token of a subject");
        }
        let mut filters = Vec::new();
        for (annotation, topic) in topics {
            let Some(stream) = self.stream(annotation, &topic) else { continue };
            if lanes.is_empty() || !ordered {
                filters.push((topic, stream));
                continue;
            }
            let Some(prefix) = topic.strip_suffix(".>") else {
                self.problem(annotation, &topic, "must end in .> to be read in lanes");
                continue;
            };
            for lane in lanes.split_ascii_whitespace() {
                filters.push((format!("{prefix}.{lane}.>"), stream.clone()));
            }
        }
        filters
    }

    fn stream(&mut self, annotation: &'static str, topic: &str) -> Option<String> {
        if let Err(reason) = value::filter(topic) {
            self.problem(annotation, topic, reason);
            return None;
        }
        if NAME_BYTES_MAX < durable_name(self.function, topic).len() {
            let reason = format!("with the function's name longer than {NAME_BYTES_MAX} bytes");
            self.problem(annotation, topic, reason);
            return None;
        }
        let stream = streams::of_subject(topic);
        if stream.is_none() {
            let names: Vec<_> = streams::STREAMS.iter().map(|stream| stream.name).collect();
            let reason = format!("is in none of the streams {}", names.join(", "));
            self.problem(annotation, topic, reason);
        }
        stream.map(|stream| stream.name.to_owned())
    }
}

fn deliver(text: &str) -> Result<Deliver, String> {
    match text {
        "all" => Ok(Deliver::All),
        "new" => Ok(Deliver::New),
        age => {
            let ms = value::milliseconds(age)
                .map_err(|_| "not all, new or an age such as 1h".to_owned())?;
            let ms = value::within(ms, 1, 3_650 * MILLISECONDS_PER_DAY, "ms")?;
            Ok(Deliver::Since(Duration::from_millis(ms)))
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && !text.contains(['.', '*', '>'])
}

/// The name of the durable consumer of a function and a filter: only `[A-Za-z0-9_-]`, and different for
/// each pair.
#[must_use]
pub fn durable_name(function: &str, filter: &str) -> String {
    format!("{}__{}", encoded(function), encoded(filter))
}

/// Writes every byte except letters, digits and `-` as `_HH`.
fn encoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("_{byte:02X}"));
        }
    }
    name
}

#[cfg(test)]
mod tests;
