//! `orders retry` and `orders cancel`: over HTTP on order-ingest, which places the next attempt.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use axum::http::Method;
use chrono::{DateTime, SecondsFormat};
use domain::{OrderId, PartnerId};
use futures_util::{StreamExt as _, stream};
use messaging::views::{self, OrderView};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::{Level, Pipeline, key};
use crate::args::{Reason, Retry};
use crate::confirm::confirm;
use crate::output;

/// Calls that wait for their answer at once.
const AT_ONCE: usize = 16;
/// Failures that are said one by one.
const SHOWN_MAX: usize = 10;

/// What is done to an order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Retry,
    Cancel,
}

/// What order-ingest answers.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    partner: PartnerId,
    order_id: OrderId,
    attempt: u32,
    state: String,
    status: String,
    sequence: u64,
}

impl Verb {
    async fn call(
        self,
        pipeline: &Pipeline,
        partner: &PartnerId,
        order_id: &OrderId,
        attempt: Option<u32>,
    ) -> Result<Answer> {
        let path = match self {
            Self::Retry => "order-ingest/retry",
            Self::Cancel => "order-ingest/cancel",
        };
        let body = json!({"partner": partner, "order_id": order_id, "attempt": attempt});
        let more = Some((key(), body.to_string().into()));
        pipeline.call(Level::Admin, Method::POST, path, more).await
    }
}

/// One order.
pub(crate) async fn one(
    pipeline: &Pipeline,
    verb: Verb,
    partner: &PartnerId,
    order: &OrderId,
) -> Result<()> {
    let answer = verb.call(pipeline, partner, order, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let Answer { attempt, state, status, .. } = &answer;
    let what = match (verb, status == "placed") {
        (Verb::Retry, true) => "is tried again",
        (Verb::Retry, false) => "was tried again before",
        (Verb::Cancel, true) => "is being cancelled",
        (Verb::Cancel, false) => "was cancelled before",
    };
    output::line(format_args!("{order} of {partner} {what}: {state}, attempt {attempt}"));
    Ok(())
}

/// What would be tried again: by partner and reason, and since when it is refused.
fn preview(orders: &[&OrderView]) -> Vec<String> {
    let mut groups: BTreeMap<(&PartnerId, &str), (usize, i64)> = BTreeMap::new();
    for order in orders {
        let reason = order.reason.as_deref().unwrap_or_default();
        let group = groups.entry((&order.partner, reason)).or_insert((0, i64::MAX));
        *group = (group.0 + 1, group.1.min(order.changed_ms));
    }
    let mut lines = vec![
        "These refused orders would be placed again, oldest first; each that can be confirmed \
         takes its stock, and every listener learns of it:"
            .to_owned(),
    ];
    let shown = groups.iter().take(SHOWN_MAX).map(|((partner, reason), (count, first_ms))| {
        let first = DateTime::from_timestamp_millis(*first_ms).unwrap_or_default();
        let first = first.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("  {count} of {partner}, {reason}, the first refused at {first}")
    });
    lines.extend(shown);
    if SHOWN_MAX < groups.len() {
        lines.push(format!("  and {} more partners and reasons", groups.len() - SHOWN_MAX));
    }
    lines
}

/// All that were refused for a reason, oldest first, so that they get what is there in their order.
pub(crate) async fn all(pipeline: &Pipeline, view: &views::Orders, retry: &Retry) -> Result<()> {
    let since_ms = retry.since.map_or(i64::MIN, |since| since.timestamp_millis());
    let wanted = |order: &&OrderView| {
        order.status == views::Status::Refused
            && order.changed_ms >= since_ms
            && retry.of.as_ref().is_none_or(|partner| order.partner == *partner)
            && order.reason.as_deref().is_some_and(|code| Reason::wants(retry.reason, code))
    };
    let orders: Vec<&OrderView> = view.after(0).filter(wanted).collect();
    if !orders.is_empty() {
        let question = format!("Try {} again?", output::count(orders.len(), "refused order"));
        confirm(&preview(&orders), &question, retry.yes)?;
    }
    let bar = output::progress(orders.len() as u64, "{wide_bar} {pos}/{len} orders {per_sec}");
    // The attempt is named, so that an order which somebody else tries again meanwhile is not
    // tried twice.
    let calls = orders.iter().map(|order| async {
        let attempt = Some(order.attempt);
        let answer = Verb::Retry.call(pipeline, &order.partner, &order.order_id, attempt).await;
        bar.inc(1);
        answer.map_err(|error| format!("{} of {}: {error:#}", order.order_id, order.partner))
    });
    let answers: Vec<_> = stream::iter(calls).buffered(AT_ONCE).collect().await;
    bar.finish_and_clear();
    let placed = answers.iter().flatten().filter(|answer| answer.status == "placed").count();
    let failed: Vec<String> = answers.into_iter().filter_map(Result::err).collect();
    let before = orders.len() - placed - failed.len();
    if pipeline.json {
        let shown = failed.get(..SHOWN_MAX.min(failed.len())).unwrap_or_default();
        output::json(&json!({
            "orders": orders.len(), "placed": placed, "before": before, "failed": failed.len(),
            "reasons": shown,
        }));
    } else {
        let all = output::count(orders.len(), "refused order");
        output::line(format_args!("{all}: {placed} are tried again, {before} were before"));
    }
    if !failed.is_empty() {
        let shown: Vec<_> = failed.iter().take(SHOWN_MAX).map(String::as_str).collect();
        let failed = output::count(failed.len(), "order");
        bail!("{failed} not tried again:\n{}", shown.join("\n"));
    }
    Ok(())
}
