//! `${NAME}` that stands for nothing.

use std::cell::RefCell;

use super::finding::{Findings, Rule};

/// `faas-cli` puts nothing in the place of a variable that is not set, and says nothing.
pub(super) fn look(
    text: &str,
    variable: &mut impl FnMut(&str) -> Option<String>,
    findings: &mut Findings,
) {
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let unset = RefCell::new(Vec::new());
        stack::substitute(line, |name, default| {
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if default.is_none() && (!is_name || variable(name).is_none_or(|v| v.is_empty())) {
                unset.borrow_mut().push((name.to_owned(), is_name));
            }
            None
        });
        for (name, is_name) in unset.into_inner() {
            let (wrong, mend) = if is_name {
                (
                    format!("${{{name}}} is not set and becomes nothing"),
                    format!("set it, or write ${{{name}:-default}}"),
                )
            } else {
                (
                    format!("${{{name}}} is a form that only faas-cli knows"),
                    "write ${NAME} or ${NAME:-default}".to_owned(),
                )
            };
            findings.add(Rule::Variable, number + 1, "", wrong, mend);
        }
    }
}
