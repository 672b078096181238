//! The streams and buckets, and their set-up.

pub mod inspect;

use crate::Nats;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use std::fmt;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What arrived, was transformed or failed.
pub const FILES: &str = "FILES";
/// Orders and what became of them.
pub const ORDERS: &str = "ORDERS";
/// Decisions.
pub const JOURNAL: &str = "JOURNAL";
/// Movements of stock.
pub const INVENTORY: &str = "INVENTORY";
/// Invoices.
pub const INVOICES: &str = "INVOICES";
/// Notifications.
pub const NOTIFICATIONS: &str = "NOTIFICATIONS";
/// Closed windows of figures.
pub const ANALYTICS: &str = "ANALYTICS";
/// Webhooks received and delivered.
pub const WEBHOOKS: &str = "WEBHOOKS";
/// Dead letters, conflicts, alerts.
pub const ERRORS: &str = "ERRORS";

/// Bucket: what became of each file that arrived.
pub const FILES_LEDGER: &str = "FILES_LEDGER";
/// Bucket: which content a partner has sent before.
pub const FILES_CONTENT: &str = "FILES_CONTENT";
/// Bucket: which connector reads which lane.
pub const CONNECTOR_LEASES: &str = "CONNECTOR_LEASES";
/// Bucket: snapshots of the journals.
pub const JOURNAL_SNAPSHOTS: &str = "JOURNAL_SNAPSHOTS";

/// A stream: its name, its subjects, and how long it keeps messages.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Name.
    pub name: &'static str,
    /// Subjects.
    pub subjects: &'static [&'static str],
    /// How long messages are kept; nothing means for ever.
    pub keeps: Option<Duration>,
}

const fn keeps(name: &'static str, subjects: &'static [&'static str], days: u32) -> Definition {
    Definition { name, subjects, keeps: Some(DAY.saturating_mul(days)) }
}

/// All streams.
pub const STREAMS: &[Definition] = &[
    keeps(FILES, &["files.arrived.>", "files.transformed.>", "files.failed.>"], 90),
    keeps(ORDERS, &["orders", "orders.placed.>", "orders.confirmed.>", "orders.refused.>"], 90),
    Definition {
        name: JOURNAL,
        subjects: &["journal.inventory.*", "journal.invoices.*"],
        keeps: None,
    },
    keeps(INVENTORY, &["inventory.changed.>"], 7),
    keeps(INVOICES, &["invoices.issued.>"], 3_650),
    keeps(NOTIFICATIONS, &["notifications.>"], 90),
    keeps(ANALYTICS, &["analytics.>"], 365),
    keeps(WEBHOOKS, &["webhooks.received.>", "webhooks.delivered.>"], 30),
    keeps(ERRORS, &["errors.>"], 90),
];

/// All buckets.
pub const BUCKETS: &[&str] = &[FILES_LEDGER, FILES_CONTENT, CONNECTOR_LEASES, JOURNAL_SNAPSHOTS];

/// How long a bucket keeps a value that is not written again; nothing means for ever.
///
/// Records of files are there at least as long as the events that say that they arrived: until then a
/// file that comes again is told from the one that came first. What a partner sent once is known for a
/// year.
#[must_use]
pub fn bucket_keeps(name: &str) -> Option<Duration> {
    match name {
        FILES_LEDGER => Some(DAY.saturating_mul(180)),
        FILES_CONTENT => Some(DAY.saturating_mul(366)),
        _ => None,
    }
}

/// The stream that keeps `filter`'s messages, if one does.
#[must_use]
pub fn of_subject(filter: &str) -> Option<&'static Definition> {
    STREAMS.iter().find(|stream| {
        stream.subjects.iter().any(|subject| {
            crate::subject::matches(subject, filter) || crate::subject::matches(filter, subject)
        })
    })
}

/// The stream did not say where it ends.
#[derive(Debug, thiserror::Error)]
#[error("stream {stream}: {reason}")]
pub struct LastError {
    stream: String,
    reason: String,
}

/// The sequence of the last message of a stream, 0 if it never had one.
///
/// # Errors
/// The server does not answer, or there is no such stream.
pub async fn last_sequence(nats: &Nats, stream: &str) -> Result<u64, LastError> {
    let found = nats.js.get_stream(stream).await;
    let found =
        found.map_err(|error| LastError { stream: stream.into(), reason: error.to_string() })?;
    Ok(found.cached_info().state.last_sequence)
}

/// What an installation may choose.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Copies of each message: 1, 3 or 5.
    pub replicas: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { replicas: 1 }
    }
}

/// What set-up did about one stream or bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The stream or bucket.
    pub name: String,
    /// What was done, or why it could not be done.
    pub outcome: Result<Done, String>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was not there before.
    Made,
    /// Its settings are as they should be.
    Present,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(Done::Made) => write!(f, "✓ {} made", self.name),
            Ok(Done::Present) => write!(f, "✓ {}", self.name),
            Err(reason) => write!(f, "✗ {}: {reason}", self.name),
        }
    }
}

/// Makes every stream and bucket that is not there and brings the settings of the others up to
/// date. Can be run again at any time.
pub async fn setup(nats: &Nats, settings: Settings) -> Vec<Step> {
    let streams = STREAMS.iter().map(|stream| (stream.name.to_owned(), config(stream, settings)));
    let buckets = BUCKETS.iter().map(|name| (format!("bucket {name}"), bucket(name, settings)));
    let mut steps = Vec::new();
    for (name, config) in streams.chain(buckets) {
        steps.push(Step { name, outcome: ensure(nats, config).await });
    }
    steps
}

async fn ensure(nats: &Nats, config: Config) -> Result<Done, String> {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::context::GetStreamErrorKind;
    match nats.js.get_stream(&config.name).await {
        Ok(_) => {
            nats.js.update_stream(&config).await.map_err(|error| error.to_string())?;
            Ok(Done::Present)
        }
        Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(ref e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND) =>
        {
            nats.js.create_stream(&config).await.map_err(|error| error.to_string())?;
            Ok(Done::Made)
        }
        Err(error) => Err(error.to_string()),
    }
}

fn config(stream: &Definition, settings: Settings) -> Config {
    Config {
        name: stream.name.into(),
        subjects: stream.subjects.iter().map(ToString::to_string).collect(),
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_age: stream.keeps.unwrap_or_default(),
        num_replicas: settings.replicas,
        duplicate_window: Duration::from_secs(120),
        deny_delete: true,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Default::default()
    }
}

// The client's own `create_key_value` fails on nats-server 2.9, so a bucket is made as the stream
// that it is.
fn bucket(name: &str, settings: Settings) -> Config {
    Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages_per_subject: 1,
        max_age: bucket_keeps(name).unwrap_or_default(),
        num_replicas: settings.replicas,
        duplicate_window: Duration::from_secs(120),
        allow_rollup: true,
        deny_delete: true,
        // A direct get may be answered by a follower that is behind; with one copy there is none.
        allow_direct: settings.replicas == 1,
        max_messages: -1,
        max_bytes: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_file_outlives_the_event_that_it_is_looked_up_by() {
        let files = STREAMS.iter().find(|stream| stream.name == FILES).unwrap();
        assert!(files.keeps.unwrap() < bucket_keeps(FILES_LEDGER).unwrap());
        assert!(bucket_keeps(FILES_LEDGER) < bucket_keeps(FILES_CONTENT));
        assert_eq!(bucket_keeps(JOURNAL_SNAPSHOTS), None);
    }

    #[test]
    fn a_filter_belongs_to_the_stream_that_keeps_its_messages() {
        for (filter, stream) in [
            ("orders", Some("ORDERS")),
            ("orders.placed.main.>", Some("ORDERS")),
            ("orders.>", Some("ORDERS")),
            ("files.arrived.>", Some("FILES")),
            ("errors.dead.order-ingest", Some("ERRORS")),
            ("cron-function", None),
            ("order", None),
        ] {
            assert_eq!(of_subject(filter).map(|s| s.name), stream, "{filter}");
        }
    }
}
