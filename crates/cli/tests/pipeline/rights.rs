//! Which user of `k8s/base` may publish where, on a real nats-server with that configuration.

use std::process::Command;
use std::time::Instant;

use messaging::Nats;

use crate::installed::{Site, secrets};
use crate::support::eventually;

const EVERYBODY: [&str; 13] = [
    "analytics",
    "billing",
    "connector",
    "customers",
    "daily-checker",
    "file-transformer",
    "inventory",
    "notifier",
    "order-ingest",
    "order-processor",
    "sender",
    "status-checker",
    "webhooks",
];
const NOBODY: &[&str] = &[];
/// Of journals of stock.
const WRITERS: &[&str] = &["inventory", "order-processor"];
/// Of journals of any kind. Snapshots and entries of all journals stand in one bucket and one stream.
const ALL_WRITERS: &[&str] = &["billing", "inventory", "order-processor"];

/// Subjects, and who may publish there beside `setup`. Those that take something away come last.
const RIGHTS: &[(&str, &[&str])] = &[
    ("journal.inventory.main", WRITERS),
    ("$KV.JOURNAL_SNAPSHOTS.journal.inventory.main.head", ALL_WRITERS),
    ("$KV.FOLD_CHECKPOINTS.status-checker.orders.1.32-0.head", &["status-checker"]),
    ("$KV.FOLD_CHECKPOINTS.inventory.movements.1.8-0.head", &["inventory"]),
    ("$KV.FOLD_CHECKPOINTS.customers.customers.1.32-0.head", &["customers"]),
    ("$KV.FOLD_CHECKPOINTS.billing.invoices.1.32-0.head", &["billing"]),
    ("$KV.FOLD_CHECKPOINTS.analytics.sales.1.8-0.head", &["analytics"]),
    ("orders.confirmed.main.US1.1", WRITERS),
    ("orders.refused.main.US1.1", WRITERS),
    ("orders.returned.main.US1.1", WRITERS),
    ("orders.shipped.main.US1.1", WRITERS),
    ("inventory.changed.main.x", WRITERS),
    ("errors.undecidable.main.x", WRITERS),
    ("orders.placed.main.US1.1", &["order-ingest"]),
    ("errors.low_stock.main.P1", &["inventory"]),
    ("errors.conflict.US1.1", &["order-ingest"]),
    ("orders", &["file-transformer", "sender"]),
    ("files.arrived.US1.x", &["daily-checker"]),
    ("files.transformed.US1.x", &["file-transformer"]),
    ("files.failed.US1.x", &["file-transformer"]),
    ("$KV.FILES_LEDGER.x", &["daily-checker", "file-transformer"]),
    ("$KV.FILES_CONTENT.x", &["file-transformer"]),
    ("products.changed.P1", &["inventory"]),
    ("$KV.PRODUCTS.record.P1", &["inventory"]),
    ("tokens.changed.x", NOBODY),
    ("$KV.TOKENS.record.x", NOBODY),
    ("$KV.REQUESTS.x", &["customers", "inventory", "webhooks"]),
    ("$KV.CONNECTOR_LEASES.x", &["connector"]),
    ("errors.dead.order-ingest", &["connector"]),
    ("customers.changed.US1.x", &["customers"]),
    ("$KV.PERSONS.order.US1.x.1.x", &["customers", "order-ingest"]),
    ("$KV.CUSTOMER_CARDS.record.US1.x", &["customers"]),
    ("journal.invoices.main", &["billing"]),
    ("invoices.issued.main.1", &["billing"]),
    ("invoices.balance.main.US1.1", &["billing"]),
    ("errors.billing.main.US1.1", &["billing"]),
    ("analytics.invoices.5s.20261130T100005Z", &["analytics"]),
    ("$KV.ARCHIVE.2026-11-30", &["analytics"]),
    ("$O.ARCHIVE.M.x", &["analytics"]),
    ("outbox.webhooks.shop.1.x.-", &["webhooks"]),
    ("outbox.notifier.mail.1.x.y", &["notifier"]),
    ("$KV.EFFECTS.webhooks.lease", &["notifier", "webhooks"]),
    ("notifications.mail.x", &["notifier"]),
    ("webhooks.delivered.shop.x", &["webhooks"]),
    ("webhooks.changed.US1.shop", &["webhooks"]),
    ("$KV.SUBSCRIPTIONS.record.US1.shop", &["webhooks"]),
    ("orders.placed", NOBODY),
    ("somewhere.else", NOBODY),
    ("$JS.ACK.ORDERS.x.1.1.1.1.1", &["connector"]),
    ("$JS.API.STREAM.MSG.GET.JOURNAL", &["billing", "connector", "inventory", "order-processor"]),
    (
        "$JS.API.STREAM.MSG.GET.KV_FILES_LEDGER",
        &["connector", "daily-checker", "file-transformer", "status-checker"],
    ),
    ("$JS.API.STREAM.CREATE.X", NOBODY),
    ("$JS.API.STREAM.UPDATE.JOURNAL", NOBODY),
    ("$JS.API.STREAM.MSG.DELETE.JOURNAL", NOBODY),
    ("$JS.API.STREAM.MSG.DELETE.ERRORS", &["customers"]),
    ("$JS.API.STREAM.MSG.DELETE.INTAKE", &["customers"]),
    ("$JS.API.STREAM.RESTORE.JOURNAL", NOBODY),
    ("$JS.API.STREAM.SNAPSHOT.JOURNAL", NOBODY),
    ("$JS.API.STREAM.PURGE.ORDERS", NOBODY),
    ("$JS.API.STREAM.PURGE.KV_JOURNAL_SNAPSHOTS", ALL_WRITERS),
    (
        "$JS.API.STREAM.PURGE.KV_FOLD_CHECKPOINTS",
        &["analytics", "billing", "customers", "inventory", "status-checker"],
    ),
    ("$JS.API.STREAM.PURGE.OBJ_ARCHIVE", &["analytics"]),
    ("$JS.API.STREAM.PURGE.KV_ARCHIVE", NOBODY),
    ("$JS.API.STREAM.PURGE.KV_PRODUCTS", &["inventory"]),
    ("$JS.API.STREAM.PURGE.KV_TOKENS", NOBODY),
    ("$JS.API.STREAM.PURGE.KV_SUBSCRIPTIONS", &["webhooks"]),
    ("$JS.API.STREAM.PURGE.JOURNAL", ALL_WRITERS),
    ("$JS.API.STREAM.DELETE.JOURNAL", NOBODY),
];

/// What a client remembers of refusals is limited.
const AT_ONCE: usize = 40;

/// Subjects at which `user` was refused.
async fn refused(url: &str, user: &str) -> Vec<&'static str> {
    let nats = Nats::connect(url, user, false).await.unwrap();
    let mut refused = Vec::new();
    for (number, some) in RIGHTS.chunks(AT_ONCE).enumerate() {
        let since = Instant::now();
        for (subject, _) in some {
            nats.client.publish(*subject, "x".into()).await.unwrap();
        }
        // The server says that it refused something before it says that it has read what came after.
        let end = format!("the.end.{number}");
        nats.client.publish(end.clone(), "x".into()).await.unwrap();
        nats.client.flush().await.unwrap();
        let denied = |subject: &str| {
            let quoted = format!("\"{subject}\"");
            let lower = quoted.to_ascii_lowercase();
            nats.link.denied(since, &quoted).or_else(|| nats.link.denied(since, &lower)).is_some()
        };
        if user != "setup" {
            while !denied(&end) {
                tokio::task::yield_now().await;
            }
        }
        refused.extend(some.iter().map(|(subject, _)| *subject).filter(|it| denied(it)));
    }
    refused
}

#[test]
fn each_function_writes_only_what_is_its_own_and_nobody_comes_in_without_a_password() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut site = Site::new(secrets(None));
    let url = site.start_nats();
    let setup = site.as_user("nats-setup", &url);
    let mut made = Command::new(env!("CARGO_BIN_EXE_orderflow"));
    assert!(made.args(["setup", "--nats", &setup]).output().unwrap().status.success());
    runtime.block_on(async {
        assert!(Nats::connect(&url, "nobody", false).await.is_err());
        let wrong = url.replace("nats://", "nats://order-processor:wrong@");
        assert!(Nats::connect(&wrong, "nobody", false).await.is_err());
        assert_eq!(refused(&setup, "setup").await, [""; 0]);
    });
    // What `setup` has just deleted.
    let mut made = Command::new(env!("CARGO_BIN_EXE_orderflow"));
    eventually("setup", || {
        made.args(["setup", "--nats", &setup]).output().unwrap().status.success()
    });
    for user in EVERYBODY {
        let url = site.login(user, &url);
        let found = runtime.block_on(refused(&url, user));
        let expected = RIGHTS.iter().filter(|(_, users)| !users.contains(&user));
        let expected: Vec<_> = expected.map(|(subject, _)| *subject).collect();
        assert_eq!(found, expected, "{user}");
    }
}
