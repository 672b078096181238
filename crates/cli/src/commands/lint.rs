//! `orderflow lint`: what is wrong with a stack.yml, before a cluster finds it out or does not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use deploy::lint::{Level, Subject, check};
use machine::clock;
use terminal::output;

use crate::global::{Global, duration};

const EXAMPLES: &str = "Examples:
  orderflow lint
  orderflow lint stack.yml --secrets ./secrets
  orderflow lint --gateway-timeout 5m --json";

/// Say what is wrong with a stack.yml before it is deployed; reads files only.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Lint {
    /// The file; without it ./stack.yml.
    #[arg(value_name = "FILE", default_value = "stack.yml")]
    stack: PathBuf,
    /// A folder with one file for each secret: says which ones are missing.
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// The partners; without it partners.yml beside the stack, if there is one.
    #[arg(long, value_name = "FILE")]
    partners: Option<PathBuf>,
    /// How long the gateway waits for a function (`gateway.upstreamTimeout` of the chart).
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    gateway_timeout: Duration,
}

pub(crate) async fn run(global: &Global, args: &Lint) -> Result<()> {
    let path = &args.stack;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let beside = folder.join("partners.yml");
    let partners = args.partners.clone().or_else(|| beside.is_file().then_some(beside));
    let subject = Subject {
        folder,
        partners,
        secrets: args.secrets.clone(),
        gateway_timeout: args.gateway_timeout,
        now: clock::now(),
    };
    let findings = check(&text, &subject).await?;
    findings.print(path, global.json);
    let (errors, warnings) = (findings.count(Level::Error), findings.count(Level::Warning));
    let warnings = output::count(warnings, "warning");
    if errors > 0 {
        bail!("{}: {}, {warnings}", path.display(), output::count(errors, "error"));
    }
    output::note(format_args!("{}: no errors, {warnings}", path.display()));
    Ok(())
}
