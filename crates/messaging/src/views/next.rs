//! The placed message that a warehouse decides next.

use crate::stored::{self, LookupError, Standing};
use crate::{Nats, streams, subject};
use domain::WarehouseId;

/// The first message placed for `warehouse` after sequence `after`, read from the leader.
///
/// # Errors
/// The server does not answer.
pub async fn next(
    nats: &Nats,
    warehouse: &WarehouseId,
    after: u64,
) -> Result<Option<Standing>, LookupError> {
    stored::first(nats, streams::ORDERS, &subject::placed(warehouse), after + 1).await
}
