//! `GET /`: depots, inboxes and files.

use crate::App;
use crate::depots::{self, Depot};
use crate::files::File;
use axum::Json;
use axum::extract::{Query, State};
use domain::PartnerId;
use runtime::Problem;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
}

pub(crate) async fn status(
    State(app): State<Arc<App>>,
    Query(filter): Query<Filter>,
) -> Result<Json<Status>, Problem> {
    let wanted = |partner: &PartnerId| filter.partner.as_ref().is_none_or(|one| one == partner);
    let partners = app.partners.get();
    let accounts = partners.accounts.values();
    let accounts = accounts.filter(|account| filter.depots && wanted(&account.partner));
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
    Ok(Json(Status { count, depots, files }))
}

async fn files(app: &App, wanted: impl Fn(&PartnerId) -> bool) -> Result<Vec<File>, String> {
    let mut records = app.ledger.all().await.map_err(|error| error.to_string())?;
    records.retain(|record| wanted(&record.partner));
    records.sort_by(|a, b| (a.arrived_at, &a.arrival).cmp(&(b.arrived_at, &b.arrival)));
    let mut orders = app.orders.lock().await;
    orders.refresh(&app.nats).await.map_err(|error| error.to_string())?;
    let file = |record: intake::ledger::Record| {
        let counts = record.sha256.as_deref().map(|sha256| orders.file_counts(sha256));
        File::new(record, counts.unwrap_or_default())
    };
    Ok(records.into_iter().map(file).collect())
}
