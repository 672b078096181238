//! `orderflow setup`.

use anyhow::{Result, bail};
use messaging::streams::inspect::{Difference, Inspection, State, inspect};
use messaging::streams::{self, Done, Settings, Step};
use serde_json::{Value, json};

use super::{Pipeline, nats_at};
use crate::args::{Global, Setup};
use crate::confirm::confirm;
use crate::output;

pub(crate) async fn run(global: &Global, args: Setup) -> Result<()> {
    let nats = match &args.nats {
        Some(url) => nats_at(url).await?,
        None => Pipeline::find(global)?.nats().await?,
    };
    // Asked before the first thing is done.
    let smaller = smaller(&inspect(&nats, args.settings()).await);
    let shrink = !smaller.is_empty() && args.asks();
    if shrink {
        confirm(&smaller, "Change them all the same?", args.yes)?;
    }
    let steps = streams::setup(&nats, Settings { shrink, ..args.settings() }).await;
    if global.json {
        output::json(&steps.iter().map(to_json).collect::<Vec<_>>());
    } else {
        steps.iter().for_each(output::line);
    }
    if steps.iter().any(|step| !step.left.is_empty()) {
        output::note("! orderflow setup --yes changes what is left");
    }
    match steps.iter().filter(|step| step.outcome.is_err()).count() {
        0 => Ok(()),
        n => bail!("{n} of {} could not be set up", steps.len()),
    }
}

/// What would keep less, a line each.
fn smaller(found: &[Inspection]) -> Vec<String> {
    let mut lines = Vec::new();
    for Inspection { name, state } in found {
        let State::Differs(differences) = state else { continue };
        let smaller = differences.iter().filter(|difference| difference.shrinks());
        lines.extend(smaller.map(|difference| format!("{name}: {}", difference.change())));
    }
    lines
}

fn to_json(step: &Step) -> Value {
    let changes = |differences: &[Difference]| -> Vec<Value> {
        let one = |found: &Difference| json!({"setting": found.setting, "is": found.is, "should_be": found.should_be});
        differences.iter().map(one).collect()
    };
    let (outcome, changed) = match &step.outcome {
        Ok(Done::Made) => ("made", Vec::new()),
        Ok(Done::Present) => ("present", Vec::new()),
        Ok(Done::Named) => ("named", Vec::new()),
        Ok(Done::Changed(changed)) => ("changed", changes(changed)),
        Err(_) => ("failed", Vec::new()),
    };
    json!({
        "name": step.name, "outcome": outcome, "changed": changed, "left": changes(&step.left),
        "error": step.outcome.as_ref().err(),
    })
}
