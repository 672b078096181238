//! What several queries have.

use crate::amount::Code;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use runtime::{Owner, Problem};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// In which form an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// `application/json`.
    Json,
    /// `text/csv`, with a line for each currency. What is counted of all currencies, as `orders` of a region, stands in the
    /// first of these lines only, so that a column adds up.
    Csv,
}

/// Is CSV asked for, by `format` or by the header `Accept`?
pub(super) fn is_csv(format: Option<Format>, headers: &HeaderMap) -> bool {
    format.map_or_else(|| crate::csv::is_asked(headers), |format| format == Format::Csv)
}

/// The partner that may be seen: of a partner's token its own.
pub(super) fn partner(owner: &Owner, asked: Option<PartnerId>) -> Result<Option<String>, Problem> {
    match (owner.0.as_deref(), asked) {
        (Some(own), Some(asked)) if own != asked.as_str() => {
            let detail = format!(
                "this token is of partner {own}, and sees no figures of another one; leave `partner` out"
            );
            Err(Problem::new(StatusCode::FORBIDDEN).detail(detail))
        }
        (Some(own), _) => Ok(Some(own.to_owned())),
        (None, asked) => Ok(asked.map(|partner| partner.to_string())),
    }
}

/// The currency of the query.
pub(super) fn currency(asked: Option<&str>) -> Result<Option<Code>, Problem> {
    let read = asked.map(Code::parse).transpose();
    read.map_err(|reason| Problem::bad_request(format!("currency: {reason} such as EUR")))
}

/// Currencies that a problem names.
const NAMED_MAX: usize = 20;

/// Refuses a currency of which nothing is `there`, as an answer without amounts looks like one of a quiet day. Where
/// there is nothing at all, every currency will do.
pub(super) fn known(asked: Option<Code>, there: &BTreeSet<Code>) -> Result<(), Problem> {
    let Some(asked) = asked.filter(|asked| !there.is_empty() && !there.contains(asked)) else {
        return Ok(());
    };
    let names: Vec<String> = there.iter().take(NAMED_MAX).map(Code::to_string).collect();
    let more = match there.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names.join(", ");
    let text = format!("currency: there are no amounts in {asked}; there are in {names}{more}");
    Err(Problem::not_found(text))
}

/// A time of the query, in seconds.
pub(super) fn second(name: &str, asked: Option<&str>) -> Result<Option<i64>, Problem> {
    let read = |text: &str| text.parse::<DateTime<Utc>>().map(|time| time.timestamp());
    let wrong = |text: &str| {
        Problem::bad_request(format!("{name}: {text:?} is no time such as 2026-01-31T08:00:00Z"))
    };
    asked.map(|text| read(text).map_err(|_| wrong(text))).transpose()
}
