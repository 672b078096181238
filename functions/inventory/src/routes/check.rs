//! What of a command can be wrong before the stock is looked at.

use chrono::{DateTime, Utc};
use domain::inventory::LEVEL_MAX;
use domain::{ProductId, WarehouseId, text};
use runtime::Problem;
use std::collections::BTreeMap;
use stock::PRODUCTS_MAX;

/// Most characters of a reason.
pub(super) const REASON_CHARS_MAX: usize = 500;
/// Most characters of a reference.
pub(super) const REFERENCE_CHARS_MAX: usize = 200;

/// What is wrong with a command, field by field.
pub(super) struct Checked(Problem);

impl Checked {
    /// `nothing` says what is not done if something is wrong.
    pub(super) fn new(nothing: &str) -> Self {
        Self(Problem::invalid(nothing))
    }

    fn add(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        let problem = std::mem::replace(&mut self.0, Problem::internal());
        self.0 = problem.field(field, reason);
    }

    /// There are products, not too many, and `wrong` says nothing of any.
    pub(super) fn products<T>(
        &mut self,
        products: &BTreeMap<ProductId, T>,
        wrong: impl Fn(&T) -> Option<String>,
    ) {
        let count = products.len();
        if !(1..=PRODUCTS_MAX).contains(&count) {
            let reason = format!("has {count} products; 1 to {PRODUCTS_MAX} are allowed");
            return self.add("products", reason);
        }
        for (product, asked) in products {
            if let Some(reason) = wrong(asked) {
                self.add(format!("products.{product}"), reason);
            }
        }
    }

    /// A text, if there is one, is not blank and not too long.
    pub(super) fn text(&mut self, field: &str, said: Option<&str>, chars_max: usize) {
        if let Some(reason) = said.and_then(|said| text::problem(said, chars_max)) {
            self.add(field, reason);
        }
    }

    /// A time, if there is one, is not in the future.
    pub(super) fn no_later(
        &mut self,
        field: &str,
        said: Option<DateTime<Utc>>,
        latest: DateTime<Utc>,
    ) {
        if let Some(said) = said.filter(|said| latest < *said) {
            self.add(field, format!("is {said}, which is in the future"));
        }
    }

    /// Two warehouses are not the same.
    pub(super) fn differ(&mut self, field: &str, from: &WarehouseId, to: &WarehouseId) {
        if from == to {
            self.add(field, format!("is {to}, where the goods are already"));
        }
    }

    /// 422 if anything is wrong.
    pub(super) fn end(self) -> Result<(), Problem> {
        if self.0.errors.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// How many pieces are more than none and not too many.
pub(super) fn quantity(n: i64) -> Option<String> {
    (!(1..=LEVEL_MAX).contains(&n)).then(|| format!("is {n}; 1 to {LEVEL_MAX} are allowed"))
}
