//! `journal rebase`: going on elsewhere in the input. Written to the journal itself: it is needed when no
//! function can go on.

use anyhow::{Result, bail};
use domain::WarehouseId;
use machine::client::Pipeline;
use serde_json::json;
use state::journal::rebase::{Move, Refused, Survey};
use state::journal::skip::REASON_MAX;
use state::journal::{Applied, Place};
use terminal::output;

use super::of::Of;
use crate::confirm::{Yes, confirm};

/// Sequences that are named one by one.
const NAMED_MAX: usize = 5;
/// How many refusals are written between two lines about progress.
const PROGRESS: usize = 1_000;

pub(super) async fn run(
    pipeline: &Pipeline,
    (of, warehouse): (Of, &WarehouseId),
    to: Option<Place>,
    reason: &str,
    yes: Yes,
) -> Result<()> {
    let count = reason.chars().count();
    if reason.trim().is_empty() || REASON_MAX < count {
        bail!("the reason has {count} characters; 1 to {REASON_MAX} are possible, not only blanks");
    }
    let nats = pipeline.nats().await?;
    let survey = match of {
        Of::Stock => stock::survey(&nats, warehouse).await?,
        Of::Invoices => invoices::survey(&nats, warehouse).await?,
    };
    let going = match survey.go_on(to) {
        Ok(going) => going,
        Err(refused @ Refused::Healthy { .. }) => {
            bail!(
                "{warehouse}: {refused}. A message that cannot be decided is refused with: \
                 orderflow journal skip SEQ{}",
                of.flag()
            )
        }
        Err(refused) => bail!("{warehouse}: {refused}"),
    };
    confirm(&preview(warehouse, &survey, &going), "Go on there?", yes)?;
    let all = going.passed_over.len();
    let progress = |done: usize| {
        if done.is_multiple_of(PROGRESS) {
            output::note(format_args!("{done} of {all} refused"));
        }
    };
    let applied = match of {
        Of::Stock => stock::go_on(&nats, warehouse, &going, reason, progress).await?,
        Of::Invoices => invoices::go_on(&nats, warehouse, &going, reason, progress).await?,
    };
    if pipeline.json {
        output::json(&json!({
            "decided_to": going.to, "applied": applied == Applied::Now, "decided_again": 0,
            "passed_over": going.passed_over, "left": going.left,
        }));
    } else {
        let to = going.to.sequence;
        output::line(format_args!("the lane of {warehouse} continues after message {to}"));
        if all > 0 {
            output::line(
                "orderflow orders retry --all-refused --reason skipped tries what it passed",
            );
        }
    }
    Ok(())
}

fn preview(warehouse: &WarehouseId, survey: &Survey, going: &Move) -> Vec<String> {
    let fault = survey.fault().unwrap_or_default();
    let (to, passed) = (going.to.sequence, going.passed_over.len());
    let named: Vec<String> =
        going.passed_over.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = if passed > NAMED_MAX { ", …" } else { "" };
    let named = if passed == 0 { String::new() } else { format!(" ({}{more})", named.join(", ")) };
    vec![
        format!("lane {warehouse}: {fault}"),
        format!("it continues after message {to}:"),
        format!("  {} messages behind it will be decided", going.left),
        format!(
            "  {passed} messages before it were never decided and are refused as skipped{named}"
        ),
        format!(
            "  {} were decided and their facts are gone: these are published again",
            going.untold.len()
        ),
        format!("  {} are decided and stay as they are; none is decided again", survey.decided),
    ]
}
