//! `GET /query`: sums over any days, from the archive and from the streams.

use super::app::App;
use super::query::{Format, currency, is_csv, partner};
use crate::csv::Csv;
use archive::{Asked, By, Day, Error, Sum};
use axum::extract::State;
use axum::http::HeaderMap;
use chassis::{Answer, Either, Limit, Query};
use domain::PartnerId;
use runtime::{Owner, Problem, heavy};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Rows of an answer if the request says nothing.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 5_000;
/// Days of a question at most.
const DAYS_MAX: i64 = 3_660;
/// How long an answer may take. What was read by then is not read again.
const WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// The first day, in UTC: 2026-01-01.
    from: String,
    /// The last day: 2026-12-31.
    to: String,
    /// By what.
    by: By,
    /// What is added up, and by what rows are in order.
    sum: Sum,
    /// Only this partner's.
    partner: Option<PartnerId>,
    /// Only orders, or documents, in this currency.
    currency: Option<String>,
    /// At most so many: 50 without it, at most 5000.
    limit: Option<Limit<LIMIT_MAX>>,
    /// `json` or `csv`; without it by the header `Accept`.
    format: Option<Format>,
}

/// `GET /query`.
pub(crate) async fn sums(
    State(app): State<Arc<App>>,
    owner: Owner,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Either<Answer<archive::Answer>, Csv>, Problem> {
    let asked = Asked {
        from: day("from", &which.from)?,
        to: day("to", &which.to)?,
        by: which.by,
        sum: which.sum,
        partner: partner(&owner, which.partner)?,
        currency: currency(which.currency.as_deref())?,
        limit: which.limit.map_or(LIMIT, Limit::get),
    };
    asked.check().map_err(Problem::bad_request)?;
    if DAYS_MAX < asked.to.since(asked.from) {
        let text = format!("to: at most {DAYS_MAX} days are added up; ask for fewer");
        return Err(Problem::bad_request(text));
    }
    app.check().await?;
    let answer = tokio::time::timeout(WAIT, app.archive.ask(&asked)).await;
    let answer = answer.map_err(|_| {
        Problem::unavailable(
            "what was stored since the last archived day is still being read; ask again",
        )
    })?;
    let answer = answer.map_err(|error| problem(&error))?;
    Ok(heavy(usize::MAX, || match is_csv(which.format, &headers) {
        true => Either::Right(csv(&asked, &answer)),
        false => Either::Left(Answer::ok(0, &answer)),
    }))
}

fn day(name: &str, text: &str) -> Result<Day, Problem> {
    let wrong = || format!("{name}: {text:?} is no day such as 2026-01-31");
    Day::parse(text).ok_or_else(|| Problem::bad_request(wrong()))
}

fn problem(error: &Error) -> Problem {
    tracing::error!(%error, "a question is not answered");
    Problem::unavailable(error.to_string())
}

/// A line for each key and, of an amount, for each currency.
fn csv(asked: &Asked, answer: &archive::Answer) -> Csv {
    let name = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let (by, sum) = (name(serde_json::to_value(asked.by)), name(serde_json::to_value(asked.sum)));
    if !asked.sum.is_amount() {
        let mut csv = Csv::new(&[&*by, &*sum]);
        for row in &answer.rows {
            csv.line(&[&*row.key, &row.count(asked.sum).unwrap_or_default().to_string()]);
        }
        return csv;
    }
    let mut csv = Csv::new(&[&*by, "currency", &*sum]);
    for row in &answer.rows {
        for (currency, amount) in row.amounts().into_iter().flatten() {
            csv.line(&[&*row.key, currency, &amount.shown(currency)]);
        }
    }
    csv
}
