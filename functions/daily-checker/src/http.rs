//! `GET` and `POST /`.

use crate::check::Checker;
use crate::flight::{Crashed, Flight};
use crate::report::{PartnerReport, Report};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use domain::PartnerId;
use runtime::{Caller, Door, Problem, heavy};
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

#[derive(Deserialize)]
pub(crate) struct Parameters {
    /// Anything, also nothing after the name.
    force: Option<String>,
}

/// What everybody may know.
#[derive(Serialize)]
struct Summary {
    order_date: NaiveDate,
    found: usize,
    skipped: usize,
    /// Partners that could not be checked, or not in full.
    failed: usize,
    #[serde(skip_serializing_if = "is_false")]
    cached: bool,
}

/// What a token opens as well: partners and names of files.
#[derive(Serialize)]
struct Body<'a> {
    partners: &'a [PartnerReport],
    without_folder: &'a [PartnerId],
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
) -> Response {
    let force = caller.enter(Door::Admin);
    if let (Some(_), Err(refused)) = (&parameters.force, force) {
        return refused.into_response();
    }
    let shows_names = caller.enter(Door::Read).is_ok();
    let landed = match app.flight.get(force.is_ok(), || app.checker.clone().check()).await {
        Ok(landed) => landed,
        Err(Crashed) => return Problem::internal().into_response(),
    };
    let report = &landed.answer;
    if report.has_failed() {
        let problem = Problem::new(StatusCode::BAD_GATEWAY).detail("no partner could be checked");
        let partners = || serde_json::to_value(&report.partners).unwrap_or_default();
        let problem = if shows_names { problem.with("partners", partners()) } else { problem };
        return problem.into_response();
    }
    let summary = Summary::of(report, landed.is_cached);
    if !shows_names {
        return Json(summary).into_response();
    }
    heavy(usize::MAX, || {
        let Report { partners, without_folder, .. } = &**report;
        Json(Body { partners, without_folder, summary }).into_response()
    })
}
