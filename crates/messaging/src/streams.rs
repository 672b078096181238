//! The streams and buckets, and their set-up.

mod ask;
mod config;
mod handover;
pub mod identity;
pub mod inspect;
mod limits;
mod setup;

pub use limits::{Limit, Limits, NoLimit, Settings};
pub use setup::{Done, Step, setup};

use crate::nats::{self, Nats};
use async_nats::jetstream::context::GetStreamError;
use async_nats::jetstream::stream::Info;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What arrived, was transformed or failed.
pub const FILES: &str = "FILES";
/// Orders as their senders publish them. It may hold personal data.
pub const INTAKE: &str = "INTAKE";
/// Orders that are placed, and what became of them.
pub const ORDERS: &str = "ORDERS";
/// Decisions.
pub const JOURNAL: &str = "JOURNAL";
/// Movements of stock.
pub const INVENTORY: &str = "INVENTORY";
/// Changes of customers' cards, without personal data.
pub const CUSTOMERS: &str = "CUSTOMERS";
/// Changes of products.
pub const CATALOGUE: &str = "CATALOGUE";
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
/// Who was given access, and from whom it was taken.
pub const ACCESS: &str = "ACCESS";
/// What is to be sent to the world outside: mails, webhooks.
pub const OUTBOX: &str = "OUTBOX";

/// The days of orders and invoices as files, in the form of an object store of NATS: [`ARCHIVE`].
pub const ARCHIVE_OBJECTS: &str = "OBJ_ARCHIVE";

/// Bucket: which days are archived. The object store of their files has the same name.
pub const ARCHIVE: &str = "ARCHIVE";
/// The stream of the bucket [`ARCHIVE`].
pub const ARCHIVE_DAYS: &str = "KV_ARCHIVE";
/// Bucket: what became of each file that arrived.
pub const FILES_LEDGER: &str = "FILES_LEDGER";
/// Bucket: which content a partner has sent before.
pub const FILES_CONTENT: &str = "FILES_CONTENT";
/// Bucket: which connector reads which lane.
pub const CONNECTOR_LEASES: &str = "CONNECTOR_LEASES";
/// Bucket: snapshots of the journals.
pub const JOURNAL_SNAPSHOTS: &str = "JOURNAL_SNAPSHOTS";
/// Bucket: how far the folds of functions came, and what they hold.
pub const FOLD_CHECKPOINTS: &str = "FOLD_CHECKPOINTS";
/// Bucket: what became of each message of [`OUTBOX`], and who sends them.
pub const EFFECTS: &str = "EFFECTS";

/// Bucket: cards of customers. Personal data.
pub const CUSTOMER_CARDS: &str = "CUSTOMER_CARDS";
/// Bucket: what each order said of a person, and up to which order a card was moved. Personal data.
pub const PERSONS: &str = "PERSONS";
/// Bucket: the products of the catalogue.
pub const PRODUCTS: &str = "PRODUCTS";

/// Bucket: endpoints of shops, and what they are told.
pub const SUBSCRIPTIONS: &str = "SUBSCRIPTIONS";

/// Bucket: tokens that people made, as hashes.
pub const TOKENS: &str = "TOKENS";

/// Bucket: which request of a person came with which idempotency key, and what came of it.
pub const REQUESTS: &str = "REQUESTS";

/// A stream: its name, its subjects, and how long it keeps messages.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Name.
    pub name: &'static str,
    /// Subjects.
    pub subjects: &'static [&'static str],
    /// How long messages are kept; nothing means for ever.
    pub keeps: Option<Duration>,
    /// May single messages be deleted? Only where they hold personal data.
    pub erasable: bool,
}

const fn keeps(name: &'static str, subjects: &'static [&'static str], days: u32) -> Definition {
    Definition { name, subjects, keeps: Some(DAY.saturating_mul(days)), erasable: false }
}

const fn erasable(definition: Definition) -> Definition {
    Definition { erasable: true, ..definition }
}

/// All streams.
pub const STREAMS: &[Definition] = &[
    keeps(FILES, &["files.arrived.>", "files.transformed.>", "files.failed.>"], 90),
    erasable(keeps(INTAKE, &[crate::subject::ORDERS], 7)),
    // One subject for all stages: nats-server takes no consumer of `orders.*.<warehouse>.>` from a stream whose subjects do
    // not cover that.
    keeps(ORDERS, &["orders.*.>"], 90),
    Definition {
        name: JOURNAL,
        subjects: &["journal.inventory.*", "journal.invoices.*"],
        keeps: None,
        erasable: false,
    },
    keeps(INVENTORY, &["inventory.changed.>"], 7),
    keeps(CUSTOMERS, &["customers.changed.>"], 90),
    keeps(CATALOGUE, &["products.changed.>"], 90),
    keeps(INVOICES, &["invoices.>"], 3_650),
    keeps(NOTIFICATIONS, &["notifications.>"], 90),
    keeps(ANALYTICS, &["analytics.>"], 365),
    keeps(WEBHOOKS, &["webhooks.received.>", "webhooks.delivered.>", "webhooks.changed.>"], 30),
    keeps(ACCESS, &["tokens.changed.>"], 365),
    erasable(keeps(ERRORS, &["errors.>"], 90)),
    erasable(keeps(OUTBOX, &["outbox.>"], 30)),
    // As clients of NATS make an object store.
    Definition {
        name: ARCHIVE_OBJECTS,
        subjects: &["$O.ARCHIVE.C.>", "$O.ARCHIVE.M.>"],
        keeps: None,
        erasable: false,
    },
];

/// All buckets.
pub const BUCKETS: &[&str] = &[
    FILES_LEDGER,
    FILES_CONTENT,
    CONNECTOR_LEASES,
    JOURNAL_SNAPSHOTS,
    FOLD_CHECKPOINTS,
    EFFECTS,
    PRODUCTS,
    REQUESTS,
    CUSTOMER_CARDS,
    PERSONS,
    ARCHIVE,
    TOKENS,
    SUBSCRIPTIONS,
];

/// How long a bucket keeps a value that is not written again; nothing means for ever.
///
/// Records of files are there at least as long as the events that say that they arrived: until then a
/// file that comes again is told from the one that came first. What a partner sent once is known for a
/// year. A checkpoint that nobody continued for a month is of a version or a function that is gone; without it
/// the streams are read from the beginning. What became of a message of the outbox is known for longer than
/// the message, so that none is sent again because that was forgotten. An idempotency key is known for a week: who
/// repeats a request does so sooner. What an order said of a person is there for as long as the order, and a
/// month longer, so that an invoice at its end has it.
#[must_use]
pub fn bucket_keeps(name: &str) -> Option<Duration> {
    match name {
        FILES_LEDGER => Some(DAY.saturating_mul(180)),
        FILES_CONTENT => Some(DAY.saturating_mul(366)),
        FOLD_CHECKPOINTS => Some(DAY.saturating_mul(30)),
        EFFECTS => Some(DAY.saturating_mul(60)),
        REQUESTS => Some(DAY.saturating_mul(7)),
        PERSONS => Some(DAY.saturating_mul(120)),
        _ => None,
    }
}

/// The stream that keeps `filter`'s messages, if one does.
#[must_use]
pub fn of_subject(filter: &str) -> Option<&'static Definition> {
    STREAMS.iter().find(|stream| {
        stream.subjects.iter().any(|subject| crate::subject::overlap(subject, filter))
    })
}

/// The stream that kept `filter`'s messages in version 0.1.0, where that was another one. What it holds of them
/// stays there until it expires.
#[must_use]
pub fn formerly(filter: &str) -> Option<&'static str> {
    (filter == crate::subject::ORDERS).then_some(ORDERS)
}

/// The stream does not say how it is.
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
    Ok(info(nats, stream).await?.state.last_sequence)
}

/// The sequence of the first message that a stream keeps; of one that is empty, the sequence that its next message gets.
///
/// # Errors
/// The server does not answer, or there is no such stream.
pub async fn first_sequence(nats: &Nats, stream: &str) -> Result<u64, LastError> {
    let state = info(nats, stream).await?.state;
    Ok(if state.messages == 0 { state.last_sequence + 1 } else { state.first_sequence })
}

/// Which stream it is, and from where to where it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its name of our own.
    pub identity: identity::Identity,
    /// The sequence of its first message; of one that is empty, the sequence that its next message gets.
    pub first: u64,
    /// The sequence of its last message, 0 if it never had one.
    pub last: u64,
}

/// How far a stream reaches now.
///
/// # Errors
/// The server does not answer, or there is no such stream.
pub async fn reach(nats: &Nats, stream: &str) -> Result<Reach, LastError> {
    let info = info(nats, stream).await?;
    let last = info.state.last_sequence;
    let first = if info.state.messages == 0 { last + 1 } else { info.state.first_sequence };
    Ok(Reach { identity: identity::Identity::of(&info), first, last })
}

/// How long a stream keeps messages now, which need not be what its [`Definition`] says; nothing means for
/// ever.
///
/// # Errors
/// The server does not answer, or there is no such stream.
pub async fn age_max(nats: &Nats, stream: &str) -> Result<Option<Duration>, LastError> {
    let age = info(nats, stream).await?.config.max_age;
    Ok(Some(age).filter(|age| !age.is_zero()))
}

async fn info(nats: &Nats, stream: &str) -> Result<Info, LastError> {
    let found = nats::stream(nats, stream).await;
    let failed =
        |error: GetStreamError| LastError { stream: stream.into(), reason: error.to_string() };
    Ok(found.map_err(failed)?.cached_info().clone())
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
        let outbox = STREAMS.iter().find(|stream| stream.name == OUTBOX).unwrap();
        assert!(outbox.keeps.unwrap() < bucket_keeps(EFFECTS).unwrap());
        assert!(outbox.erasable);
        let orders = STREAMS.iter().find(|stream| stream.name == ORDERS).unwrap();
        assert!(orders.keeps.unwrap() < bucket_keeps(PERSONS).unwrap());
    }

    #[test]
    fn a_filter_belongs_to_the_stream_that_keeps_its_messages() {
        for (filter, stream) in [
            ("orders", Some("INTAKE")),
            ("orders.placed.main.>", Some("ORDERS")),
            ("orders.>", Some("ORDERS")),
            ("orders.*.>", Some("ORDERS")),
            ("orders.*.main.>", Some("ORDERS")),
            ("invoices.balance.main.>", Some("INVOICES")),
            ("files.arrived.>", Some("FILES")),
            ("errors.dead.order-ingest", Some("ERRORS")),
            ("cron-function", None),
            ("order", None),
        ] {
            assert_eq!(of_subject(filter).map(|s| s.name), stream, "{filter}");
        }
    }
}
