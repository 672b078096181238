//! What may be returned of a sale: never more than was sold.

use super::{Confirmed, Pieces, Returned};
use crate::order::{Kind, Line};
use crate::stock::Exceeded;
use crate::{Order, OrderId};

impl Confirmed {
    /// What is returned of this sale, `sale`, when `order` is.
    ///
    /// # Errors
    /// It is no sale, or less is left of it.
    pub fn returning(&self, sale: &OrderId, order: &Order) -> Result<Returned, Exceeded> {
        if self.in_force.kind == Kind::Return {
            let detail = format!("order {sale} is a return; only what was sold can be returned");
            return Err(Exceeded::no_sale(sale.clone(), detail));
        }
        let sold = pieces(&self.lines);
        let mut returned = self.returned.clone();
        for (product, back) in pieces(&order.lines) {
            let (sold, back) = (sold.get(&product).copied().unwrap_or(0), back.saturating_neg());
            let before = returned.entry(product.clone()).or_default();
            let left = sold.saturating_sub(*before);
            if left < back {
                let detail = format!(
                    "{back} of {product} would come back, but {left} of the {sold} that were sold in \
                     {sale} are left"
                );
                return Err(Exceeded::too_much(sale.clone(), product, (back, left), detail));
            }
            *before += back;
        }
        Ok(self.after(sale, sold, returned))
    }

    /// What is still returned of this sale, `sale`, when `order`, a return of it, is cancelled.
    #[must_use]
    pub fn keeping(&self, sale: &OrderId, order: &Order) -> Returned {
        let mut returned = self.returned.clone();
        for (product, back) in pieces(&order.lines) {
            if let Some(pieces) = returned.get_mut(&product) {
                *pieces = pieces.saturating_add(back).max(0);
            }
        }
        returned.retain(|_, pieces| 0 < *pieces);
        self.after(sale, pieces(&self.lines), returned)
    }

    /// May the whole of it, `sale`, be taken back?
    ///
    /// # Errors
    /// Something was returned: it would be given back twice.
    pub fn whole(&self, sale: &OrderId) -> Result<(), Exceeded> {
        let Some((product, back)) = self.returned.first_key_value() else { return Ok(()) };
        let sold = pieces(&self.lines).get(product).copied().unwrap_or(0);
        let detail = format!(
            "{back} of the {sold} {product} were returned before, so that it cannot be cancelled as a \
             whole; what is left can be returned"
        );
        let pieces = (sold, sold.saturating_sub(*back));
        Err(Exceeded::too_much(sale.clone(), product.clone(), pieces, detail))
    }

    fn after(&self, sale: &OrderId, sold: Pieces, returned: Pieces) -> Returned {
        let Self { attempt, placed, .. } = *self;
        Returned { order_id: sale.clone(), attempt, placed, complete: sold == returned, returned }
    }
}

/// Lines of the same product count together.
fn pieces(lines: &[Line]) -> Pieces {
    let mut pieces = Pieces::new();
    for line in lines {
        let sum = pieces.entry(line.product_id.clone()).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    pieces
}
