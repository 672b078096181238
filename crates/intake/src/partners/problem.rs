//! What is wrong with a configuration, and where.

use crate::yaml;
use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `partners.US1.file.columns.quantity`.
    pub place: String,
    /// What: `missing`.
    pub reason: String,
    /// The line of that place, from 1, where it is known.
    pub line: Option<usize>,
}

impl Problem {
    /// Without a line.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into(), line: None }
    }
}

/// Says in which lines of `text` the places of `problems` are.
#[must_use]
pub fn located(mut problems: Vec<Problem>, text: &str) -> Vec<Problem> {
    if let Ok(root) = yaml::parse(text) {
        for problem in &mut problems {
            problem.line = problem.line.or_else(|| Some(root.line_of(&problem.place)));
        }
    }
    problems
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

/// Everything that is wrong.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.0.push(Problem::new(place, reason));
    }
}

#[cfg(test)]
mod tests {
    use crate::partners::load;

    const GOOD: &str = "
partners:
  US1:
    currency: GBP
    stock: ignore
    file:
      columns: {order-id: A, product-id: B, unit-price: C, ordered-at: D,
        quantity: E}
";

    #[test]
    fn a_problem_has_its_line_and_the_name_that_was_probably_meant() {
        load(GOOD).unwrap();
        for (from, to, expected) in [
            ("currency: GBP", "curency: GBP", "; did you mean \"currency\"? (line 4)"),
            ("currency: GBP", "curency: GBP", "partners.US1.currency: missing (line 3)"),
            ("stock: ignore", "stock: ignored", "; did you mean \"ignore\"? (line 5)"),
            ("quantity: E", "quantity: 5", "list of texts; numbers need quotes (line 8)"),
            ("partners:", "partner:", "; did you mean \"partners\"? (line 2)"),
        ] {
            let found = load(&GOOD.replacen(from, to, 1)).unwrap_err();
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert!(found.iter().any(|found| found.contains(expected)), "{expected}: {found:?}");
        }
    }
}
