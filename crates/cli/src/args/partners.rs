//! `orderflow partners …`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use domain::PartnerId;

use crate::propose::Role;

/// `partners …`
#[derive(Debug, Subcommand)]
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

/// `partners check`
#[derive(Debug, Args)]
pub(crate) struct PartnersCheck {
    /// The file.
    pub(crate) file: PathBuf,
    /// By whose configuration; may be left out where there is only one.
    #[arg(long)]
    pub(crate) partner: Option<PartnerId>,
    /// Where it is configured.
    #[command(flatten)]
    pub(crate) source: Source,
    /// The folder of secrets, for encrypted files; without it that of `up`.
    #[arg(long, value_name = "DIR", env = "ORDERFLOW_SECRETS_DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Write the rejected rows there, as the partner would get them.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write all that would come of the file into this folder: output.csv with the accepted rows,
    /// rejects.csv, orders.jsonl with the orders that would be placed, and receipt.json.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// `partners new`
#[derive(Debug, Args)]
pub(crate) struct PartnersNew {
    /// The file.
    pub(crate) file: PathBuf,
    /// How the partner is to be called.
    #[arg(long, default_value = "NEW")]
    pub(crate) name: PartnerId,
    /// Write the proposal into a new file instead of showing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Say which column is what, where the guess is wrong; may be given several times.
    #[arg(long = "column", value_name = "ROLE=NAME", value_parser = column)]
    pub(crate) columns: Vec<(Role, String)>,
}

/// `order-id=Invoice`
fn column(text: &str) -> Result<(Role, String), String> {
    let (role, name) = text.split_once('=').ok_or("is not ROLE=NAME")?;
    Ok((role.parse()?, name.to_owned()))
}

/// `partners add`
#[derive(Debug, Args)]
pub(crate) struct PartnersAdd {
    /// Partners as in `partners.yml`, such as a corrected proposal.
    pub(crate) file: PathBuf,
    /// Where they are put.
    #[command(flatten)]
    pub(crate) source: Source,
    /// Put them in the place of partners of the same names.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Take lines that a proposal marks as unsure, unseen: columns that are needed, and the encoding.
    #[arg(long)]
    pub(crate) accept_unsure: bool,
}

/// `partners reload`
#[derive(Debug, Args)]
pub(crate) struct PartnersReload {
    /// Where they are configured: what `up` follows, or what the functions elsewhere have as a secret.
    #[command(flatten)]
    pub(crate) source: Source,
    /// The metrics of a function elsewhere, such as a forwarded port; may be given several times. Without
    /// it, the functions of `up` are asked.
    #[arg(long = "metrics", value_name = "URL")]
    pub(crate) metrics: Vec<String>,
    /// Give up after this time: 30s, 5m.
    #[arg(long, default_value = "30s", value_parser = super::duration)]
    pub(crate) timeout: Duration,
}

/// Where partners are configured.
#[derive(Clone, Debug, Args)]
pub(crate) struct Source {
    /// The configuration; without it ./partners.yml, else the built-in sample partners.
    #[arg(long = "partners", value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
}
