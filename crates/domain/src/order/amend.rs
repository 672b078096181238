//! Replacing a confirmed attempt by another content in one decision.

use super::{Amends, Kind, Order};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Data of `orderflow.order.amending.v1`.
///
/// The order stands one level deeper than in `orderflow.order.placed.v1`: an order-processor of a release that does not
/// know amendments cannot read it, and refuses it, instead of reserving the stock a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amending<O = Order> {
    /// As in the order.
    pub attempt: u32,
    /// The next attempt, with [`Order::amends`].
    pub order: O,
}

impl Order {
    /// `self` as attempt `attempt`, which takes the place of the one that `amends` names.
    #[must_use]
    pub fn amending(self, attempt: u32, amends: Amends) -> Self {
        Self { attempt, amends: Some(amends), cancels: None, ..self }
    }

    /// Why this may not take the place of `before`; nothing if it may.
    #[must_use]
    pub fn amend_problem(&self, before: &Self) -> Option<(&'static str, String)> {
        if before.kind == Kind::Return {
            let reason = "a return is not amended; cancel it and send another return";
            return Some(("order_id", reason.into()));
        }
        if self.kind == Kind::Return || self.returns.is_some() {
            let reason = "a sale does not become a return; cancel it, or send a return of it";
            return Some(("order.lines", reason.into()));
        }
        if self.warehouse != before.warehouse {
            let reason = format!(
                "the order takes its stock from warehouse {}, and the partner's orders go to {} now; cancel \
                 it and send another order",
                before.warehouse, self.warehouse
            );
            return Some(("partner", reason));
        }
        if self.currency != before.currency {
            let reason = format!(
                "is {}, but the order is in {}; cancel it and send another order",
                self.currency, before.currency
            );
            return Some(("order.currency", reason));
        }
        let id = |order: &Self| order.customer.as_ref().map(|customer| customer.id.clone());
        (id(self) != id(before)).then(|| {
            let of = |id: Option<crate::CustomerId>| {
                id.map_or_else(|| "nobody".to_owned(), |id| id.to_string())
            };
            let reason = format!(
                "is {}, but the order is of {}; an order stays with its customer",
                of(id(self)),
                of(id(before))
            );
            ("order.customer", reason)
        })
    }
}

/// The order that a placed message has as its data, and its text: an amendment has it one level deeper.
///
/// # Errors
/// It has none.
pub fn placed(data: &RawValue) -> serde_json::Result<(Order, Box<RawValue>)> {
    let error = match serde_json::from_str::<Order>(data.get()) {
        Ok(order) => return Ok((order, data.to_owned())),
        Err(error) => error,
    };
    let Ok(Amending { order, .. }) = serde_json::from_str::<Amending<Box<RawValue>>>(data.get())
    else {
        return Err(error);
    };
    let read: Order = serde_json::from_str(order.get())?;
    Ok((read, order))
}
