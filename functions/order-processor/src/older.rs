//! Is the input an older copy of the one that was decided? Asked once on each connection.

use crate::App;
use ::stock::Inventory;
use domain::WarehouseId;
use messaging::subject;
use runtime::Problem;
use state::journal::evidence::Older;
use state::journal::input::Claim;

/// Refuses a batch, as another input is refused, if another message stands where the order was that was
/// decided last.
pub(crate) async fn check(
    app: &App,
    warehouse: &WarehouseId,
    claim: &Claim,
) -> Result<(), Problem> {
    let book = Inventory::new(warehouse.clone());
    let journal = subject::inventory_journal(warehouse);
    match app.seen.check(&app.nats, &journal, &book, claim).await {
        Ok(()) => Ok(()),
        Err(older @ Older::Copy { .. }) => {
            let detail = format!(
                "{older}. Put the right one back, or see what would be lost: orderflow journal rebase \
                 --warehouse {warehouse}"
            );
            tracing::error!(%warehouse, detail, "nothing is decided");
            Err(Problem::conflict(detail).with("fault", true))
        }
        Err(Older::Unknown(error)) => {
            tracing::warn!(%error, "not decided");
            Err(Problem::unavailable("the journal does not answer; sending the same again is safe"))
        }
    }
}
