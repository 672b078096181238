//! Which sale a return names, from JSON.

use super::read::{Fields, Place, Reader, given};
use crate::OrderId;
use crate::order::{Kind, returns_problem};

impl Reader {
    pub(super) fn returns(
        &mut self,
        fields: &Fields,
        kind: Kind,
        order_id: &OrderId,
    ) -> Option<Option<OrderId>> {
        let Some(value) = given(fields, "returns") else { return Some(None) };
        let sale = self.id_value(Place::Order, "returns", Some(value), OrderId::parse)?;
        match returns_problem(kind, order_id, &sale) {
            None => Some(Some(sale)),
            Some(wrong) => self.wrong(Place::Order, "returns", wrong),
        }
    }
}
