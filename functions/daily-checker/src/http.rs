//! `GET` and `POST /`.

use crate::check::Checker;
use crate::flight::{Crashed, Flight};
use crate::report::{PartnerReport, Report};
use axum::extract::State;
use axum::http::StatusCode;
use chassis::{Answer, Error, Query};
use chrono::NaiveDate;
use domain::PartnerId;
use runtime::{Caller, Door, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(crate) struct App {
    checker: Arc<Checker>,
    flight: Flight<Report>,
}

impl App {
    pub(crate) fn new(checker: Checker) -> Self {
        Self { checker: Arc::new(checker), flight: Flight::new() }
    }
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Parameters {
    /// Looks again, whatever was found a moment ago; needs the admin token. Any value, also none.
    force: Option<String>,
}

/// What everybody may know.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Summary {
    order_date: NaiveDate,
    found: usize,
    skipped: usize,
    /// Partners that could not be checked, or not in full.
    failed: usize,
    /// Is this the answer of a check that ended just now?
    #[serde(skip_serializing_if = "is_false", default)]
    cached: bool,
}

/// What a token opens as well: partners and names of files.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Names {
    partners: Vec<PartnerReport>,
    /// Configured partners without a folder: nobody looks for their files.
    without_folder: Vec<PartnerId>,
}

/// Without a token only the summary.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Seen {
    #[serde(flatten)]
    names: Option<Names>,
    #[serde(flatten)]
    summary: Summary,
}

impl Summary {
    fn of(report: &Report, cached: bool) -> Self {
        let failed = report.partners.iter().filter(|partner| partner.error.is_some()).count();
        let Report { order_date, found, skipped, .. } = *report;
        Self { order_date, found, skipped, failed, cached }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

pub(crate) async fn check(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
) -> Result<Answer<Seen>, Error> {
    let force = caller.enter(Door::Admin);
    if let (Some(_), Err(refused)) = (&parameters.force, &force) {
        return Err(refused.clone().into());
    }
    let shows_names = caller.enter(Door::Read).is_ok();
    let landed = app.flight.get(force.is_ok(), || app.checker.clone().check()).await;
    let landed = landed.map_err(|Crashed| Problem::internal())?;
    let report = &landed.answer;
    if report.has_failed() {
        let problem = Problem::new(StatusCode::BAD_GATEWAY).detail("no partner could be checked");
        let partners = || serde_json::to_value(&report.partners).unwrap_or_default();
        let problem = if shows_names { problem.with("partners", partners()) } else { problem };
        return Err(problem.into());
    }
    let summary = Summary::of(report, landed.is_cached);
    if !shows_names {
        return Ok(Answer::ok(0, &Seen { names: None, summary }));
    }
    let (partners, without_folder) = (report.partners.clone(), report.without_folder.clone());
    let names = Some(Names { partners, without_folder });
    Ok(Answer::ok(usize::MAX, &Seen { names, summary }))
}
