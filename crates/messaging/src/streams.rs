//! The streams and buckets, and their set-up.

mod config;
pub mod identity;
pub mod inspect;
mod limits;
mod setup;

pub use limits::{Limit, Limits, NoLimit, Settings};
pub use setup::{Done, Step, setup};

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

/// The stream that keeps `filter`'s messages, if one does.
#[must_use]
pub fn of_subject(filter: &str) -> Option<&'static Definition> {
    STREAMS.iter().find(|stream| {
        stream.subjects.iter().any(|subject| {
            crate::subject::matches(subject, filter) || crate::subject::matches(filter, subject)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
