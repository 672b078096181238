//! `orderflow partners …`: who sends files, and how a file would be read. Nothing here needs a
//! running pipeline but `reload`.

mod add;
mod check;
mod list;
mod new;
mod reload;

use std::process::ExitCode;

use anyhow::{Result, bail};
use domain::partner::Partners as Configured;

use crate::args::{Global, Partners, Source};
use crate::output;
use crate::up::{partners, sources};

pub(crate) async fn run(global: &Global, command: Partners) -> Result<ExitCode> {
    match command {
        Partners::List { source } => list::run(global, &source)?,
        Partners::Check(args) => {
            let global = global.clone();
            return tokio::task::spawn_blocking(move || check::run(&global, &args)).await?;
        }
        Partners::New(args) => {
            let json = global.json;
            return tokio::task::spawn_blocking(move || new::run(json, &args)).await?;
        }
        Partners::Add(args) => {
            add::run(&args)?;
            super::lanes::warn(&args.source);
        }
        Partners::Reload(args) => {
            super::lanes::warn(&args.source);
            reload::run(global, &args).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The configured partners, and where they are configured.
fn read(source: &Source) -> Result<(Configured, String)> {
    let (text, place) =
        sources::choose(source.path.as_deref(), "partners.yml", partners::BUILT_IN)?;
    Ok((load(&text, &place)?, place))
}

/// Everything that is wrong stands on a line of its own.
fn load(text: &str, place: &str) -> Result<Configured> {
    let loaded =
        intake::partners::load(text).and_then(
            |partners| match file_transformer::dry_run::problems(&partners) {
                problems if problems.is_empty() => Ok(partners),
                problems => Err(problems),
            },
        );
    match loaded {
        Ok(partners) => Ok(partners),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            bail!("{place} has {}:\n{}", output::count(lines.len(), "problem"), lines.join("\n"))
        }
    }
}
