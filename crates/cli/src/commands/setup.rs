//! `orderflow setup`.

use anyhow::{Result, bail};
use clap::Args;
use machine::client::nats_at;
use messaging::streams::inspect::{Difference, Inspection, State, inspect};
use messaging::streams::{self, Done, Limit, Settings, Step};
use serde_json::{Value, json};
use terminal::output;

use crate::confirm::{Yes, confirm};
use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow setup                                  here, after `orderflow up`
  orderflow setup --nats nats://nats:4222 --replicas 3
  orderflow setup --limit ORDERS:age=180d,bytes=50GiB --limit FILES:age=30d
  orderflow setup --replicas 1 --yes               fewer copies: asks, unless --yes is given";

/// Make the streams and buckets, or bring them up to date; what is equal is not touched.
///
/// Every difference is printed. Nothing that would keep less, in fewer copies or less safely is changed
/// without being asked.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Setup {
    /// A server elsewhere; without it the one that `up` has started.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Copies of each message: 1, 3 or 5. Without it streams keep the number that they have, and new
    /// ones have 1.
    #[arg(long, value_parser = replicas)]
    replicas: Option<usize>,
    /// What one stream or bucket keeps: NAME:age=DAYSd,bytes=SIZE,replicas=N. It stays so until another
    /// limit is given. `age=forever` and `bytes=any` take the limit away. May be given several times.
    #[arg(long = "limit", value_name = "LIMIT")]
    limits: Vec<Limit>,
    /// See there.
    #[command(flatten)]
    yes: Yes,
}

impl Setup {
    /// The settings, with which nothing shrinks.
    fn settings(&self) -> Settings {
        let settings = Settings { replicas: self.replicas, ..Settings::default() };
        settings.with(self.limits.iter().cloned())
    }

    /// Was something asked for that could make a stream smaller?
    fn asks(&self) -> bool {
        self.replicas.is_some() || !self.limits.is_empty() || self.yes.yes
    }
}

fn replicas(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("1, 3 and 5 are possible".to_owned()),
    }
}

pub(crate) async fn run(global: &Global, args: Setup) -> Result<()> {
    let nats = match &args.nats {
        Some(url) => nats_at(url).await?,
        None => global.pipeline()?.nats().await?,
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
        Ok(Done::Made | Done::TookOver(_)) => ("made", Vec::new()),
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
