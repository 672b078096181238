//! `GET` and `POST /`.

use crate::check::Checker;
use crate::flight::{Crashed, Flight};
use crate::report::Report;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use runtime::{Caller, Door, Problem};
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

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "is_false")]
    cached: bool,
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
    let landed = app.flight.get(force.is_ok(), || app.checker.clone().check()).await;
    match landed {
        Ok(landed) if landed.answer.has_failed() => {
            let partners = serde_json::to_value(&landed.answer.partners).unwrap_or_default();
            Problem::new(StatusCode::BAD_GATEWAY)
                .detail("no partner could be checked")
                .with("partners", partners)
                .into_response()
        }
        Ok(landed) => {
            Json(Body { report: &landed.answer, cached: landed.is_cached }).into_response()
        }
        Err(Crashed) => Problem::internal().into_response(),
    }
}
