//! `GET /` and `/health`.

use super::app::{App, current};
use super::query::{currency, known, partner};
use crate::{invoiced, sales};
use axum::extract::State;
use chassis::{Answer, Limit, Query};
use domain::PartnerId;
use runtime::{Owner, Problem, heavy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Products of `top_products` if the request says nothing.
const TOP: usize = 5;
const TOP_MAX: usize = 1_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// The currency of `total_revenue`.
    currency: Option<String>,
    /// How many products `top_products` has: 5 without it, at most 1000.
    top: Option<Limit<TOP_MAX>>,
}

/// `GET /`: what all orders come to.
pub(crate) async fn totals(
    State(app): State<Arc<App>>,
    owner: Owner,
    Query(which): Query<Which>,
) -> Result<Answer<sales::Answer>, Problem> {
    let partner = partner(&owner, which.partner)?;
    let currency = currency(which.currency.as_deref())?;
    let top = which.top.map_or(TOP, Limit::get);
    app.check().await?;
    current(&app.sales).await?;
    current(&app.invoiced).await?;
    heavy(usize::MAX, || {
        let partner = partner.as_deref();
        let invoices = app.invoiced.look(|shards| invoiced::totals(shards, partner));
        let mut there = app.sales.look(|shards| sales::currencies(shards, partner));
        there.extend(invoices.iter().map(|(code, _)| code));
        known(currency, &there)?;
        let totals =
            app.sales.look(|shards| sales::totals(shards, &invoices, partner, currency, top));
        Ok(Answer::ok(0, &totals))
    })
}

/// That the function counts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsHealth")]
pub(crate) struct Health {
    /// `healthy`; otherwise the answer is 503 and says what is missing.
    status: &'static str,
    /// When the newest decision was stored, in seconds since 1970.
    last_update: Option<f64>,
}

/// `GET /health`.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Result<Answer<Health>, Problem> {
    app.check().await?;
    current(&app.sales).await?;
    let last_update = app.sales.look(sales::last_update);
    Ok(Answer::ok(0, &Health { status: "healthy", last_update }))
}
