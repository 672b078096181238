//! What is looked at.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "Examples:
  orderflow doctor
  orderflow doctor --json
  orderflow doctor --nats nats://nats:4222 --replicas 3";

/// See whether everything is as it has to be, and what to do where it is not.
///
/// Without an address or folder it looks at what `up` runs here.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// NATS elsewhere.
    #[arg(long, value_name = "URL", env = "ORDERFLOW_NATS_URL", hide_env_values = true)]
    pub(crate) nats: Option<String>,
    /// The OpenFaaS gateway.
    #[arg(long, value_name = "URL", env = "ORDERFLOW_GATEWAY_URL")]
    pub(crate) gateway: Option<String>,
    /// The partners.
    #[arg(long, value_name = "FILE", env = "ORDERFLOW_PARTNERS")]
    pub(crate) partners: Option<PathBuf>,
    /// The folder of secrets.
    #[arg(long, value_name = "DIR", env = "ORDERFLOW_SECRETS_DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Copies of each message there should be; without it, as many as ORDERS has.
    #[arg(long)]
    pub(crate) replicas: Option<usize>,
}
