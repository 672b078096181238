//! `GET /`: depots, inboxes and files.

use super::App;
use super::query::Wait;
use crate::depots::{self, Depot};
use crate::files::File;
use crate::ledger;
use crate::orders::{Counts, Rows};
use axum::extract::State;
use chassis::{Answer, Query};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use domain::partner::Partners;
use intake::expected::{self, Overdue};
use intake::ledger::Record;
use runtime::{Problem, Stop, heavy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// About what a file takes in an answer.
const FILE_BYTES: usize = 700;
/// About what is looked at for an answer.
pub(super) const BYTES: usize = ledger::FILES_MAX * FILE_BYTES;
/// How long an answer waits until all is read that was stored before it was asked for.
const WAIT: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// A file's SHA-256, its arrival or its name.
    file: Option<String>,
    /// `false` leaves the partners' servers alone.
    #[serde(default = "yes")]
    depots: bool,
    /// How long the answer may take to hold all that was stored before; at most 60s.
    wait: Option<Wait>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Overview {
    /// Files in all depots that were looked at.
    count: usize,
    depots: Vec<Depot>,
    files: Vec<File>,
    /// Files that should have come.
    overdue: Vec<Missing>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Missing {
    partner: PartnerId,
    #[serde(flatten)]
    overdue: Overdue,
}

pub(crate) async fn status(
    State(app): State<Arc<App>>,
    stop: Stop,
    Query(filter): Query<Filter>,
) -> Result<Answer<Overview>, Problem> {
    app.check().await?;
    let wanted = |partner: &PartnerId| filter.partner.as_ref().is_none_or(|one| one == partner);
    let partners = app.partners.get();
    let accounts = partners.accounts.values();
    let accounts = accounts.filter(|account| filter.depots && wanted(&account.partner));
    let depots = {
        let _place = app.looks.places.acquire().await;
        depots::all(accounts.cloned().collect()).await
    };
    let count = depots.iter().map(|depot| depot.count).sum();
    if filter.depots {
        for depot in &depots {
            tracing::info!(partner = %depot.partner, "Files in depot/: {}", depot.count);
        }
        tracing::info!("Files in depot/: {count}");
    }
    if filter.depots && filter.partner.is_none() {
        app.looks.depot_files.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let wait = filter.wait.map_or(WAIT, |wait| wait.0);
    super::current(&app.files, wait, &stop).await?;
    super::current(&app.orders, wait, &stop).await?;
    // Not while it waits: a partner's server that hangs, or a start, would keep others out.
    let _place = app.looks.places.acquire().await;
    Ok(heavy(BYTES, || {
        let records = app.files.look(|shards| ledger::all(shards, |it| wanted(&it.partner)));
        let file = |record: Record| {
            let counts = app.file_counts(&record);
            File::new(record, counts)
        };
        let mut files: Vec<File> = records.into_iter().map(file).collect();
        let overdue = missing(&partners.partners, &files, wanted);
        files.retain(|it| filter.file.as_deref().is_none_or(|file| it.is(file)));
        Answer::ok(0, &Overview { count, depots, files, overdue })
    }))
}

impl App {
    /// What became of the orders that came in a file.
    pub(super) fn file_counts(&self, record: &Record) -> Counts {
        let mut all = Counts::default();
        if let Some(sha256) = record.sha256.as_deref() {
            let counts = |rows: &&Rows| rows.file_counts(record.partner.as_str(), sha256);
            self.orders.look(|shards| shards.iter().map(counts).for_each(|counts| all += counts));
        }
        all
    }
}

fn missing(
    partners: &Partners,
    files: &[File],
    wanted: impl Fn(&PartnerId) -> bool,
) -> Vec<Missing> {
    let now = now();
    let missing = partners.iter().filter(|(name, _)| wanted(name)).filter_map(|(name, partner)| {
        let own = files.iter().filter(|file| file.partner == *name);
        let newest = own.filter_map(|file| file.modified).max();
        let overdue = expected::overdue(partner, newest, now)?;
        Some(Missing { partner: name.clone(), overdue })
    });
    missing.collect()
}

#[expect(clippy::disallowed_methods, reason = "deadlines pass by the clock")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}
