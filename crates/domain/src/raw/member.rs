//! Members of an order that may be left out.

use super::read::{Fields, Place, Reader, given};
use super::shown;
use serde_json::Value;

impl Reader {
    /// A member of the order as `what`, which `of` makes of it; the inner `None` where it is left out.
    pub(super) fn member<'a, T>(
        &mut self,
        fields: &'a Fields,
        name: &str,
        what: &str,
        of: impl Fn(&'a Value) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(value) = given(fields, name) else { return Some(None) };
        match of(value) {
            Some(value) => Some(Some(value)),
            None => {
                let reason = format!("is {}, not {what}", shown::value(value));
                self.wrong(Place::Order, name, reason)
            }
        }
    }

    /// Nothing if the member has more than `max` of `what`.
    pub(super) fn at_most(
        &mut self,
        max: usize,
        count: usize,
        name: &str,
        what: &str,
    ) -> Option<()> {
        if count <= max {
            return Some(());
        }
        self.wrong(Place::Order, name, format!("has {count} {what}, the limit is {max}"))
    }

    pub(super) fn flag(&mut self, place: Place, fields: &Fields, name: &str) -> Option<bool> {
        match given(fields, name) {
            None => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(other) => {
                let reason = format!("is {}, neither true nor false", shown::value(other));
                self.wrong(place, name, reason)
            }
        }
    }
}
