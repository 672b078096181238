//! `GET /windows`.

use super::app::{App, current};
use super::live::{self, Events};
use super::query::{Format, currency, is_csv, known, second};
use crate::csv::Csv;
use crate::invoiced;
use crate::windows::{Asked, List, Size};
use axum::extract::State;
use axum::http::HeaderMap;
use chassis::{Answer, Either, Limit, Query};
use runtime::{Problem, Stop, heavy};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// Windows of an answer if the request says nothing.
const LIMIT: usize = 60;
const LIMIT_MAX: usize = 10_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// How long a window is: seconds, minutes or hours that divide a day, such as `5s` (without it), `1m` or `1h`.
    size: Option<Size>,
    /// The currency of `total`; without it the one of most invoices of a window.
    currency: Option<String>,
    /// Only windows that hold this time, or begin later: 2026-01-31T08:00:00Z.
    from: Option<String>,
    /// Only windows that begin before this time.
    to: Option<String>,
    /// At most so many, the newest: 60 without it, at most 10000.
    limit: Option<Limit<LIMIT_MAX>>,
    /// `json` or `csv`; without it by the header `Accept`, which may also be `text/event-stream`.
    format: Option<Format>,
}

/// `GET /windows`: JSON, CSV or, with `Accept: text/event-stream`, each window whenever it changes.
pub(crate) async fn windows(
    State(app): State<Arc<App>>,
    stop: Stop,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Either<Either<Answer<List>, Csv>, Events>, Problem> {
    let asked = Asked {
        size: which.size.unwrap_or(Size::FIVE_SECONDS),
        currency: currency(which.currency.as_deref())?,
        from: second("from", which.from.as_deref())?,
        to: second("to", which.to.as_deref())?,
        limit: which.limit.map_or(LIMIT, Limit::get),
    };
    app.check().await?;
    current(&app.windows).await?;
    if asked.currency.is_some() {
        current(&app.invoiced).await?;
        known(asked.currency, &app.invoiced.look(|shards| invoiced::currencies(shards, None)))?;
    }
    if which.format.is_none() && live::is_asked(&headers) {
        return live::listen(app, asked, stop).map(Either::Right);
    }
    Ok(heavy(usize::MAX, || {
        let found = app.list(&asked);
        Either::Left(match is_csv(which.format, &headers) {
            true => Either::Right(csv(&found)),
            false => Either::Left(Answer::ok(0, &found)),
        })
    }))
}

fn csv(list: &List) -> Csv {
    let mut csv =
        Csv::new(&["start", "end", "currency", "invoices", "credit_notes", "total", "final"]);
    for window in &list.windows {
        for (currency, sum) in &window.totals {
            let [invoices, credit_notes] = [sum.invoices, sum.credit_notes].map(|n| n.to_string());
            let total = sum.total.shown(currency);
            let is_final = window.is_final.map_or("", |yes| if yes { "true" } else { "false" });
            let (start, end) = (&window.start, &window.end);
            csv.line(&[start, end, currency, &invoices, &credit_notes, &total, is_final]);
        }
    }
    csv
}
