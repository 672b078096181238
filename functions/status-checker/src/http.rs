//! `GET /`: depots, inboxes and files.

use crate::App;
use crate::depots::{self, Depot};
use crate::files::File;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use domain::partner::Partners;
use intake::expected::{self, Overdue};
use messaging::store::Fault;
use runtime::{Problem, heavy};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// About what a file takes in an answer.
const FILE_BYTES: usize = 700;

#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    partner: Option<PartnerId>,
    #[serde(default = "yes")]
    depots: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Serialize)]
pub(crate) struct Status {
    /// Files in all depots that were looked at.
    count: usize,
    depots: Vec<Depot>,
    files: Vec<File>,
    /// Files that should have come.
    overdue: Vec<Missing>,
}

#[derive(Debug, Serialize)]
struct Missing {
    partner: PartnerId,
    #[serde(flatten)]
    overdue: Overdue,
}

pub(crate) async fn status(
    State(app): State<Arc<App>>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    if let Err(fault @ (Fault::Other { .. } | Fault::Older { .. })) = app.store.check().await {
        tracing::error!(%fault, "nothing is told");
        return Err(Problem::unavailable(fault.to_string()));
    }
    let wanted = |partner: &PartnerId| filter.partner.as_ref().is_none_or(|one| one == partner);
    let partners = app.partners.get();
    let accounts = partners.accounts.values();
    let accounts = accounts.filter(|account| filter.depots && wanted(&account.partner));
    let _look = app.looks.acquire().await;
    let depots = depots::all(accounts.cloned().collect()).await;
    let count = depots.iter().map(|depot| depot.count).sum();
    if filter.depots {
        for depot in &depots {
            tracing::info!(partner = %depot.partner, "Files in depot/: {}", depot.count);
        }
        tracing::info!("Files in depot/: {count}");
    }
    if filter.depots && filter.partner.is_none() {
        app.depot_files.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let files = files(&app, wanted).await.map_err(|reason| {
        tracing::error!(%reason, "no status");
        Problem::unavailable("NATS does not answer")
    })?;
    let bytes = files.len().saturating_mul(FILE_BYTES);
    Ok(heavy(bytes, || {
        let overdue = missing(&partners.partners, &files, wanted);
        Json(Status { count, depots, files, overdue }).into_response()
    }))
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
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn files(app: &App, wanted: impl Fn(&PartnerId) -> bool) -> Result<Vec<File>, String> {
    let mut records = app.ledger.all().await.map_err(|error| error.to_string())?;
    heavy(records.len().saturating_mul(FILE_BYTES), || {
        records.retain(|record| wanted(&record.partner));
        records.sort_by(|a, b| (a.arrived_at, &a.arrival).cmp(&(b.arrived_at, &b.arrival)));
    });
    let mut orders = app.orders.lock().await;
    orders.refresh(&app.nats).await.map_err(|error| error.to_string())?;
    let file = |record: intake::ledger::Record| {
        let counts =
            record.sha256.as_deref().map(|sha256| orders.file_counts(&record.partner, sha256));
        File::new(record, counts.unwrap_or_default())
    };
    Ok(records.into_iter().map(file).collect())
}
