//! `orderflow manifests`: the Kubernetes objects of the functions.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use deploy::manifests::{Platform, render};
use terminal::output;

const EXAMPLES: &str = "Examples:
  orderflow manifests --for plain
  orderflow manifests --for openfaas --stack stack.yml";

/// Print the Kubernetes objects of the functions, made from stack.yml.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Manifests {
    /// Who makes pods of it.
    #[arg(long = "for", value_name = "PLATFORM")]
    platform: Platform,
    /// The functions; without it ./stack.yml, else the built-in ones.
    #[arg(long, value_name = "FILE")]
    stack: Option<PathBuf>,
}

pub(crate) fn run(args: &Manifests) -> Result<()> {
    let (stack, place) = stack::read(args.stack.as_deref())?;
    output::line(render(&stack, &place, args.platform)?.trim_end());
    Ok(())
}
