//! Is the input an older copy of the one that was decided? Asked once on each connection.

use crate::App;
use domain::WarehouseId;
use messaging::evidence::{self, Evidence};
use messaging::journal::input::Claim;
use messaging::store::On;
use runtime::Problem;
use std::sync::PoisonError;

/// Refuses a batch, as another input is refused, if another message stands where the order was that was
/// decided last.
pub(crate) async fn check(
    app: &App,
    warehouse: &WarehouseId,
    claim: &Claim,
) -> Result<(), Problem> {
    let on = On::now(&app.nats);
    if app.shown.lock().unwrap_or_else(PoisonError::into_inner).get(warehouse) == Some(&on) {
        return Ok(());
    }
    let found = evidence::of_input(&app.nats, warehouse, |at| claim.is_of(at)).await;
    let found = found.map_err(|error| {
        tracing::warn!(%error, "not decided");
        Problem::unavailable("the journal does not answer; sending the same again is safe")
    })?;
    if let Evidence::Other(sequence, subject) = found {
        let detail = format!(
            "an older copy of stream {} answers: the order that was decided last stood at {sequence}, \
             where {subject} is now. Put the right one back, or see what would be lost: orderflow \
             journal rebase --warehouse {warehouse}",
            claim.stream
        );
        tracing::error!(%warehouse, detail, "nothing is decided");
        return Err(Problem::conflict(detail).with("fault", true));
    }
    app.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(warehouse.clone(), on);
    Ok(())
}
