//! `orders retry`, and what it has in common with `orders cancel`: over HTTP on order-ingest, which places the next
//! attempt.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use axum::http::Method;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, ValueEnum};
use domain::{OrderId, PartnerId};
use futures_util::{StreamExt as _, stream};
use machine::client::{Level, Pipeline, key};
use machine::clock;
use messaging::views::{self, OrderView};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terminal::output;

use super::find::{Named, named, resolve};
use crate::confirm::{Yes, confirm};

/// `orders retry …`
#[derive(Clone, Debug, Args)]
pub(crate) struct Retry {
    /// `PARTNER/ORDER`, or the partner's number with --partner; of DIRECT the number alone.
    #[arg(required_unless_present = "all_refused")]
    pub(crate) order: Option<OrderId>,
    /// The partner's number, if the partner is named before it: `PARTNER ORDER`.
    #[arg(conflicts_with = "of")]
    pub(crate) number: Option<OrderId>,
    /// All refused orders, oldest first; without --reason those that were refused for their stock.
    #[arg(long, conflicts_with = "order")]
    pub(crate) all_refused: bool,
    /// Of these, those that were refused for this reason.
    #[arg(long, requires = "all_refused", conflicts_with = "order")]
    pub(crate) reason: Option<Reason>,
    /// Of these, those that were refused after this time, as 2h or 2026-01-31T08:00:00Z.
    #[arg(long, requires = "all_refused", conflicts_with = "order", value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Whose order; with --all-refused, only those of this partner.
    #[arg(long = "partner", value_name = "PARTNER")]
    pub(crate) of: Option<PartnerId>,
    /// Asked for --all-refused.
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// Why an order was refused, where trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// Less is available than ordered.
    InsufficientStock,
    /// No stock was ever set for a product.
    UnknownProduct,
    /// The stock cannot be counted.
    QuantityOverflow,
    /// Confirmed, and then cancelled.
    Cancelled,
    /// Refused by an operator, undecided.
    Skipped,
    /// A return that came before its sale, or of more than was left of it.
    ExceedsSale,
}

impl Reason {
    /// Reasons that a change of the stock takes away.
    const OF_STOCK: [Self; 3] =
        [Self::InsufficientStock, Self::UnknownProduct, Self::QuantityOverflow];

    const fn code(self) -> &'static str {
        match self {
            Self::InsufficientStock => "insufficient_stock",
            Self::UnknownProduct => "unknown_product",
            Self::QuantityOverflow => "quantity_overflow",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::ExceedsSale => "exceeds_sale",
        }
    }

    /// Is `code` what was asked for, or one of the stock's where nothing was?
    pub(crate) fn wants(asked: Option<Self>, code: &str) -> bool {
        match asked {
            Some(reason) => reason.code() == code,
            None => Self::OF_STOCK.iter().any(|reason| reason.code() == code),
        }
    }
}

/// `2h` or `2026-01-31T08:00:00Z`.
pub(crate) fn since(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let ago = stack::duration::parse(text).map_err(|_| {
        "is neither how long ago, such as 90s, 2h or 1h30m (at most 366 days), nor a time such as \
         2026-01-31T08:00:00Z"
            .to_owned()
    })?;
    Ok(clock::now() - ago)
}

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
pub(super) struct Answer {
    partner: PartnerId,
    order_id: OrderId,
    pub(super) attempt: u32,
    state: String,
    status: String,
    sequence: u64,
}

impl Answer {
    /// Is there something to do, or was it done?
    pub(super) fn is_new(&self) -> bool {
        self.status != "done before"
    }
}

impl Verb {
    pub(super) async fn call(
        self,
        pipeline: &Pipeline,
        partner: &PartnerId,
        order_id: &OrderId,
        attempt: Option<u32>,
    ) -> Result<Answer> {
        let body = json!({"partner": partner, "order_id": order_id, "attempt": attempt});
        self.send(pipeline, body).await
    }

    /// What the call would come to; nothing is done.
    ///
    /// # Errors
    /// It would be refused.
    pub(super) async fn dry_run(
        self,
        pipeline: &Pipeline,
        partner: &PartnerId,
        order_id: &OrderId,
    ) -> Result<Answer> {
        let body = json!({"partner": partner, "order_id": order_id, "dry_run": true});
        self.send(pipeline, body).await
    }

    async fn send(self, pipeline: &Pipeline, body: Value) -> Result<Answer> {
        let path = match self {
            Self::Retry => "order-ingest/retry",
            Self::Cancel => "order-ingest/cancel",
        };
        let more = Some((key(), body.to_string().into()));
        pipeline.call(Level::Admin, Method::POST, path, more).await
    }
}

/// One order that is tried again.
pub(super) async fn one(
    pipeline: &Pipeline,
    (first, number, of): (&OrderId, Option<&OrderId>, Option<&PartnerId>),
) -> Result<()> {
    let nats = pipeline.nats().await?;
    let (partner, id) = named(first, number, of)?;
    let Named { partner, id, .. } = resolve(pipeline, &nats, (partner.as_ref(), id), None).await?;
    let answer = Verb::Retry.call(pipeline, &partner, &id, None).await?;
    say(pipeline, Verb::Retry, &answer);
    Ok(())
}

/// Prints what came of one order.
pub(super) fn say(pipeline: &Pipeline, verb: Verb, answer: &Answer) {
    if pipeline.json {
        return output::json(answer);
    }
    let Answer { partner, order_id: order, attempt, state, .. } = answer;
    let what = match (verb, answer.is_new()) {
        (Verb::Retry, true) => "is tried again",
        (Verb::Retry, false) => "was tried again before",
        (Verb::Cancel, true) => "is being cancelled",
        (Verb::Cancel, false) => "was cancelled before",
    };
    output::line(format_args!("{order} of {partner} {what}: {state}, attempt {attempt}"));
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn one_order_or_all_refused_ones_are_tried_again() {
        for line in [
            "retry US1 1",
            "retry US1/1",
            "retry 1 --partner US1",
            "retry --all-refused",
            "retry --all-refused --reason insufficient_stock --since 2h --partner US1",
            "retry --all-refused --since 2026-01-31T08:00:00Z",
            "cancel US1 1",
            "cancel US1/1 --yes",
            "cancel 1 --partner US1",
        ] {
            let words = "orderflow orders".split(' ').chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
        for line in [
            "retry",
            "retry US1 1 --all-refused",
            "retry US1 1 --partner US1",
            "retry US1 1 --reason skipped",
            "retry --all-refused --reason unreadable",
            "retry --all-refused --since yesterday",
            "cancel",
            "cancel US1 1 --partner US1",
            "cancel --all-refused",
        ] {
            let words = "orderflow orders".split(' ').chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }

    #[test]
    fn without_a_reason_those_of_the_stock_are_meant() {
        assert!(Reason::wants(None, "insufficient_stock"));
        assert!(!Reason::wants(None, "cancelled") && !Reason::wants(None, "skipped"));
        assert!(Reason::wants(Some(Reason::Cancelled), "cancelled"));
        assert!(!Reason::wants(Some(Reason::Cancelled), "insufficient_stock"));
        for reason in Reason::value_variants() {
            assert!(domain::stock::Refusal::CODES.contains(&reason.code()));
            assert_eq!(reason.to_possible_value().unwrap().get_name(), reason.code());
        }
    }
}
