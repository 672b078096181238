//! `orderflow setup`.

use anyhow::{Result, bail};
use messaging::streams::inspect::Difference;
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
    let mut steps = streams::setup(&nats, args.settings()).await;
    let smaller = smaller(&steps);
    if !smaller.is_empty() && args.asks() {
        confirm(&smaller, "Change them all the same?", args.yes)?;
        let settings = Settings { shrink: true, ..args.settings() };
        let again = streams::setup(&nats, settings).await;
        steps = steps.into_iter().zip(again).map(|(first, second)| both(first, second)).collect();
    }
    if global.json {
        output::json(&steps.iter().map(to_json).collect::<Vec<_>>());
    } else {
        steps.iter().for_each(output::line);
    }
    if steps.iter().any(|step| !step.left.is_empty()) {
        output::note("! orderflow setup --yes changes what is left; --limit makes it a setting");
    }
    match steps.iter().filter(|step| step.outcome.is_err()).count() {
        0 => Ok(()),
        n => bail!("{n} of {} could not be set up", steps.len()),
    }
}

/// What would keep less, a line each.
fn smaller(steps: &[Step]) -> Vec<String> {
    let line = |step: &Step, left: &Difference| format!("{}: {}", step.name, left.change());
    steps.iter().flat_map(|step| step.left.iter().map(move |left| line(step, left))).collect()
}

/// What two set-ups in a row did.
fn both(first: Step, second: Step) -> Step {
    let outcome = match (first.outcome, second.outcome) {
        (Ok(Done::Changed(mut changes)), Ok(Done::Changed(more))) => {
            changes.extend(more);
            Ok(Done::Changed(changes))
        }
        (Ok(first), Ok(Done::Present)) => Ok(first),
        (_, second) => second,
    };
    Step { outcome, ..second }
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
