//! `orderflow partners …`: who sends files, and how a file would be read. Nothing here needs a
//! running pipeline but `reload`.

mod add;
mod check;
mod list;
mod new;
mod reload;
mod source;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::global::Global;
use add::PartnersAdd;
use check::PartnersCheck;
use new::PartnersNew;
use reload::PartnersReload;
use source::Source;

const EXAMPLES: &str = "Examples:
  orderflow partners list
  orderflow partners check orders.csv --partner US1
  orderflow partners new orders.csv --name ACME --out acme.yml
  orderflow partners add acme.yml
  orderflow partners reload";

/// Who sends files, and what would become of a file.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Partners {
    /// The configured partners.
    List {
        /// Where they are configured.
        #[command(flatten)]
        source: Source,
    },
    /// Say what would become of a file: nothing is placed, no server is needed.
    ///
    /// Exit code 0: accepted; 6: accepted with rejected rows; 7: refused as a whole.
    Check(PartnersCheck),
    /// Look at a file that nobody has configured, and propose how to read it.
    ///
    /// The proposal is tried on the whole file; exit codes as those of `check`.
    New(PartnersNew),
    /// Put the partners of one file into the configuration, which is checked as a whole.
    Add(PartnersAdd),
    /// Check the configuration, and wait until every function works with it.
    ///
    /// `up` and the functions follow the file by themselves; this tells whether they could. Exit code 3:
    /// not all of them in time.
    Reload(PartnersReload),
}

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
            source::warn(&args.source);
        }
        Partners::Reload(args) => {
            source::warn(&args.source);
            reload::run(global, &args).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
