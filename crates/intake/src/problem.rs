//! What is wrong with a configuration, and where.

use crate::yaml::{self, Node};
use std::collections::HashSet;
use std::fmt;

/// A kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key that nothing reads.
    Unknown,
    /// A key that must be there and is not.
    Missing,
    /// A key that is given twice.
    Repeated,
    /// A value that cannot be used.
    Value,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: Kind,
    /// Where: `partners.US1.file.columns.quantity`.
    pub place: String,
    /// What: `missing`.
    pub reason: String,
    /// The line of that place, from 1, where it is known.
    pub line: Option<usize>,
}

impl Problem {
    /// A value that cannot be used, without a line.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind: Kind::Value, place: place.into(), reason: reason.into(), line: None }
    }
}

/// The keys that `root` gives twice; a parser that keeps only one of them would hide the other.
pub fn repeated(root: &Node) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut rest = vec![(String::new(), root)];
    while let Some((place, node)) = rest.pop() {
        let mut seen = HashSet::new();
        for (key, value) in node.members() {
            let place =
                if place.is_empty() { key.text.clone() } else { format!("{place}.{}", key.text) };
            if !seen.insert(key.text.as_str()) {
                let (kind, reason, line) =
                    (Kind::Repeated, "is given twice; keep one", Some(key.line));
                problems.push(Problem { kind, line, ..Problem::new(place.as_str(), reason) });
            }
            rest.push((place, value));
        }
        let items = node.items().iter().enumerate();
        rest.extend(items.map(|(index, item)| (format!("{place}[{index}]"), item)));
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// Finds the lines of `text` for the places of `problems`.
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
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds a value that cannot be used.
    pub fn add(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.add_of(Kind::Value, place, reason);
    }

    /// Adds a problem of a kind.
    pub fn add_of(&mut self, kind: Kind, place: impl Into<String>, reason: impl Into<String>) {
        self.0.push(Problem { kind, ..Problem::new(place, reason) });
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
