//! `orderflow send`: as the partner would, over SFTP.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use domain::PartnerId;
use machine::send::put;
use serde_json::json;
use terminal::output;

use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow send samples/US1/2011-12-09.csv --partner US1
  orderflow send /tmp/x.csv --partner US1 --name orders.csv";

/// Drop a file into a partner's inbox over SFTP, as the partner would.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Send {
    /// The file.
    file: PathBuf,
    /// Whose inbox.
    #[arg(long)]
    partner: PartnerId,
    /// Its name there; without it, as it is called here.
    #[arg(long)]
    name: Option<String>,
}

pub(crate) async fn run(global: &Global, args: Send) -> Result<()> {
    let pipeline = global.pipeline()?;
    let Send { file, partner, name } = args;
    let name = match name {
        Some(name) => name,
        None => file_name(&file)?,
    };
    let source = File::open(&file).with_context(|| format!("cannot open {}", file.display()))?;
    let target = format!("inbox/{name}");
    let bytes = put(&pipeline.dir, &partner, source, &target).await?;
    if pipeline.json {
        output::json(&json!({"partner": partner, "name": name, "bytes": bytes}));
    } else {
        output::line(format_args!("sent {bytes} bytes to {partner}/{target}"));
    }
    Ok(())
}

fn file_name(file: &Path) -> Result<String> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| anyhow!("{} has no name that can be used; see --name", file.display()))
}
