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
