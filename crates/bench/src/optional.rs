//! Functions without which orders are placed and decided all the same.

use clap::ValueEnum;

/// A function that may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Optional {
    /// Issues invoices.
    Billing,
    /// Keeps cards and totals of customers.
    Customers,
    /// Writes to customers.
    Notifier,
    /// Says what became of orders.
    StatusChecker,
}

impl Optional {
    /// Its name in stack.yml.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Customers => "customers",
            Self::Notifier => "notifier",
            Self::StatusChecker => "status-checker",
        }
    }
}

/// The text of a stack file without a function.
pub(crate) fn leave_out(stack: &str, function: &str) -> String {
    let head = format!("  {function}:");
    let mut is_out = false;
    let mut is_left = |line: &&str| {
        let begins = line.starts_with("  ") && !line.starts_with("   ") || !line.starts_with(' ');
        is_out = *line == head || is_out && (!begins || line.is_empty());
        !is_out
    };
    stack.lines().filter(|line| is_left(line)).map(|line| format!("{line}\n")).collect()
}

/// What a row's note says of them: `, without billing and notifier`.
pub(crate) fn words(without: &[Optional]) -> String {
    let names: Vec<&str> = without.iter().map(|function| function.as_str()).collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => format!(", without {last}"),
        Some((last, others)) => format!(", without {} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_left_out_of_the_stack_whole_and_alone() {
        let keys = |text: &str| -> Vec<String> {
            let stack: serde_json::Value = serde_yaml_ng::from_str(text).unwrap();
            stack["functions"].as_object().unwrap().keys().cloned().collect()
        };
        let all = keys(stack::BUILT_IN);
        for function in Optional::value_variants() {
            let name = function.as_str();
            let left = leave_out(stack::BUILT_IN, name);
            let expected: Vec<_> = all.iter().filter(|key| *key != name).cloned().collect();
            assert_eq!(expected.len() + 1, all.len(), "{name} is in stack.yml");
            assert_eq!(keys(&left), expected);
        }
    }

    #[test]
    fn a_note_names_what_was_left_out() {
        let all = [Optional::Billing, Optional::Customers, Optional::Notifier];
        let words = [0, 1, 2, 3].map(|count| words(&all[..count]));
        let expected = ["", ", without billing", ", without billing and customers"];
        assert_eq!(words[..3], expected);
        assert_eq!(words[3], ", without billing, customers and notifier");
    }
}
