//! What can be typed after `doctor`.

use std::path::PathBuf;

use clap::Args;

/// Options of `doctor`. Without an address or folder it looks at what `up` runs here.
#[derive(Clone, Debug, Args)]
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
