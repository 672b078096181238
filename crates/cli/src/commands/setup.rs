//! `orderflow setup`.

use anyhow::{Result, bail};
use messaging::streams::{self, Settings};
use serde_json::json;

use super::{Pipeline, nats_at};
use crate::args::Global;
use crate::output;

pub(crate) async fn run(global: &Global, url: Option<&str>, replicas: usize) -> Result<()> {
    if !matches!(replicas, 1 | 3 | 5) {
        bail!("{replicas} replicas: 1, 3 and 5 are possible");
    }
    let nats = match url {
        Some(url) => nats_at(url).await?,
        None => Pipeline::find(global)?.nats().await?,
    };
    let steps = streams::setup(&nats, Settings::copies(replicas)).await;
    if global.json {
        let step =
            |step: &streams::Step| json!({"name": step.name, "error": step.outcome.as_ref().err()});
        output::json(&steps.iter().map(step).collect::<Vec<_>>());
    } else {
        steps.iter().for_each(output::line);
    }
    match steps.iter().filter(|step| step.outcome.is_err()).count() {
        0 => Ok(()),
        n => bail!("{n} of {} could not be set up", steps.len()),
    }
}
