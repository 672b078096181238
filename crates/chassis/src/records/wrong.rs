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

    /// A text has 1 to `max` characters, not only blanks, and none that controls a terminal or turns the
    /// direction of other text.
    pub fn text(&mut self, field: &str, text: &str, max: usize) {
        if let Some(reason) = domain::text::problem(text, max) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_cannot_be_shown_is_refused() {
        let mut wrong = Wrong::default();
        wrong.text("name", "Tea", 10);
        wrong.text("name", "a\u{1b}[2J", 10);
        wrong.text("note", "", 10);
        let problem = wrong.into_result("product").unwrap_err();
        let fields: Vec<_> = problem.errors.iter().map(|it| (&*it.field, &*it.reason)).collect();
        assert_eq!(
            fields,
            [
                ("name", "contains the control character '\\u{1b}'"),
                ("note", "has 0 characters; 1 to 10 are allowed, not only blanks"),
            ]
        );
    }
}
