//! Where partners are configured, and what is wrong with them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use domain::partner::Partners;
use stack::{lanes, partners, sources};
use terminal::output;

/// Where partners are configured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Source {
    /// The configuration; without it ./partners.yml, else the built-in sample partners.
    #[arg(long = "partners", value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
}

/// The configured partners, and where they are configured.
pub(super) fn read(source: &Source) -> Result<(Partners, String)> {
    let (text, place) =
        sources::choose(source.path.as_deref(), "partners.yml", partners::BUILT_IN)?;
    Ok((load(&text, &place)?, place))
}

/// Everything that is wrong stands on a line of its own.
pub(super) fn load(text: &str, place: &str) -> Result<Partners> {
    let loaded =
        intake::partners::load(text).and_then(
            |partners| match file_transformer::dry_run::problems(&partners) {
                problems if problems.is_empty() => Ok(partners),
                problems => Err(intake::partners::located(problems, text)),
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

/// Warns of such warehouses, by the stack.yml beside the partners, else the built-in one.
pub(super) fn warn(source: &Source) {
    let path = source.path.clone().unwrap_or_else(|| PathBuf::from("partners.yml"));
    let given = path.is_file().then_some(path.as_path());
    let beside = path.parent().unwrap_or(Path::new("")).join("stack.yml");
    let text = std::fs::read_to_string(&beside).unwrap_or_else(|_| stack::BUILT_IN.to_owned());
    let partners = match given {
        Some(path) => intake::partners::configured(Some(path), drop),
        None => intake::partners::load(partners::BUILT_IN).unwrap_or_default(),
    };
    // What else is wrong with the stack is for `orderflow lint`.
    let mut env = runtime::Env::from_process();
    let stack = stack::parse(&text, "stack.yml", |name| env.optional::<String>(name));
    let filters = stack.ok().and_then(|stack| lanes::filters(&stack));
    for note in filters.iter().flat_map(|filters| lanes::notes(&partners, filters)) {
        output::note(format_args!("warning: {note}"));
    }
}
