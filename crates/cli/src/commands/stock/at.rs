//! Flags of several commands.

use clap::Args;
use domain::WarehouseId;

/// Where.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// Where.
    #[arg(long, default_value = "main")]
    pub(crate) warehouse: WarehouseId,
}

/// What makes a command the same command when it is sent again.
#[derive(Debug, Args)]
pub(crate) struct Again {
    /// An idempotency key of your own, so that the same call again does nothing twice; a new one if nothing is said.
    #[arg(long)]
    pub(crate) key: Option<String>,
}
