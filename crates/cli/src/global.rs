//! What holds for every command.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use machine::client::Pipeline;

/// Options that may stand before or after the command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Where everything lives that `up` starts and writes.
    #[arg(long, global = true, env = "ORDERFLOW_DATA_DIR", default_value = ".orderflow")]
    pub(crate) data_dir: PathBuf,
    /// Answer in JSON, for scripts.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Global {
    /// The pipeline that runs in the data directory, or that its site.json names.
    ///
    /// # Errors
    /// [`terminal::Failure::NotRunning`].
    pub(crate) fn pipeline(&self) -> Result<Pipeline> {
        Pipeline::find(&self.data_dir, self.json)
    }
}

/// `90s`, `5m`, `1h`, `250ms`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    stack::duration::parse(text).map_err(|error| error.to_string())
}
