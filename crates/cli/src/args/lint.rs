//! What can be typed after `lint`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Options of `lint`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Lint {
    /// The file; without it ./stack.yml.
    #[arg(value_name = "FILE", default_value = "stack.yml")]
    pub(crate) stack: PathBuf,
    /// A folder with one file for each secret: says which ones are missing.
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets: Option<PathBuf>,
    /// The partners; without it partners.yml beside the stack, if there is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) partners: Option<PathBuf>,
    /// How long the gateway waits for a function (`gateway.upstreamTimeout` of the chart).
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::duration)]
    pub(crate) gateway_timeout: Duration,
}
