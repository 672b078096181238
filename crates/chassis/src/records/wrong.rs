//! What is wrong with a value, field by field.

use runtime::{FieldError, Problem};

/// Collects what a type's checks find.
#[derive(Debug, Default)]
pub struct Wrong(Vec<FieldError>);

impl Wrong {
    /// Says what is wrong with a field, by its path: `lines[2].price`.
    pub fn field(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), reason: reason.into() });
    }

    /// Says it unless `holds`.
    pub fn unless(&mut self, holds: bool, field: &str, reason: &str) {
        if !holds {
            self.field(field, reason);
        }
    }

    /// A text has 1 to `max` characters, and not only blanks.
    pub fn text(&mut self, field: &str, text: &str, max: usize) {
        let count = text.chars().count();
        if text.trim().is_empty() || max < count {
            let reason = format!("has {count} characters; 1 to {max} are allowed, not only blanks");
            self.field(field, reason);
        }
    }

    /// 422 if something is.
    pub(super) fn into_result(self, name: &str) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut problem = Problem::invalid(format!("the {name} is not changed"));
        problem.errors = self.0;
        Err(problem)
    }
}
