//! What may be returned of a sale: never more than was sold.
//!
//! Pieces that come back are taken for shipped ones as long as any of these are out; the others had not been
//! shipped, and are not shipped any more.

use super::returned::of;
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
        let sold = self.sold();
        let (mut returned, mut of_shipped) = (self.returned.clone(), self.of_shipped.clone());
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
            let out = of(&self.shipped, &product).saturating_sub(of(&of_shipped, &product));
            let back_of_shipped = of_shipped.entry(product).or_default();
            *back_of_shipped += back.min(out.max(0));
        }
        Ok(self.after(sale, returned, of_shipped))
    }

    /// What is still returned of this sale, `sale`, when `order`, a return of it, is cancelled. Its pieces are taken
    /// for shipped ones as far as such came back: so no more can be shipped than before.
    #[must_use]
    pub fn keeping(&self, sale: &OrderId, order: &Order) -> Returned {
        let (mut returned, mut of_shipped) = (self.returned.clone(), self.of_shipped.clone());
        for (product, back) in pieces(&order.lines) {
            for all in [&mut returned, &mut of_shipped] {
                if let Some(pieces) = all.get_mut(&product) {
                    *pieces = pieces.saturating_add(back).max(0);
                }
            }
        }
        returned.retain(|_, pieces| 0 < *pieces);
        self.after(sale, returned, of_shipped)
    }

    /// Is the whole of it, `sale`, still in the house, so that it may be `done`: `cancelled`, or `amended`?
    ///
    /// # Errors
    /// Something was shipped, or returned: it would be given back twice.
    pub fn untouched(&self, sale: &OrderId, done: &str) -> Result<(), Exceeded> {
        if let Some((product, gone)) = self.shipped.first_key_value() {
            let sold = of(&self.sold(), product);
            let detail = format!(
                "{gone} of the {sold} {product} were shipped before, so that it cannot be {done}; what \
                 comes back is returned"
            );
            let pieces = (sold, sold.saturating_sub(*gone));
            return Err(Exceeded::shipped(sale.clone(), product.clone(), pieces, detail));
        }
        let Some((product, back)) = self.returned.first_key_value() else { return Ok(()) };
        let sold = of(&self.sold(), product);
        let detail = format!(
            "{back} of the {sold} {product} were returned before, so that it cannot be {done} as a \
             whole; what is left can be returned"
        );
        let pieces = (sold, sold.saturating_sub(*back));
        Err(Exceeded::too_much(sale.clone(), product.clone(), pieces, detail))
    }

    /// Pieces by product that were sold.
    pub(super) fn sold(&self) -> Pieces {
        pieces(&self.lines)
    }

    fn after(&self, sale: &OrderId, returned: Pieces, mut of_shipped: Pieces) -> Returned {
        of_shipped.retain(|_, pieces| 0 < *pieces);
        let Self { attempt, placed, .. } = *self;
        let (order_id, complete) = (sale.clone(), self.sold() == returned);
        Returned { order_id, attempt, placed, returned, of_shipped, complete }
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
