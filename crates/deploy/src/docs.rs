//! The parts of the documents that follow from `stack.yml`: who is called with which event, and the picture of it.

use std::fmt::Write as _;

use connector::annotations;
use messaging::events::{self, Definition};
use messaging::rights::Reach;
use stack::{Function, Stack, catalogue};

/// The table of events, for `docs/EVENTS.md`.
pub fn events(stack: &Stack) -> String {
    let mut table = "| subject | type | producer | consumers |\n|---|---|---|---|\n".to_owned();
    for Definition { subject, kind, producer } in events::ALL {
        let consumers = consumers(stack, subject).join(", ");
        let row = format!("| `{subject}` | `{kind}` | {producer} | {consumers} |\n");
        table.push_str(&row.replace("|  |", "| |"));
    }
    table
}

/// What calls each function, and whom its events call, for `docs/ARCHITECTURE.md`.
pub fn picture(stack: &Stack) -> String {
    let mut picture = String::new();
    for (name, function) in &stack.functions {
        let reaches = catalogue::rights(name).map_or(&[][..], |rights| rights.reaches);
        let others: String = reaches
            .iter()
            .map(|reach| match reach {
                Reach::Sftp => "  ◀──SFTP──▶ partners' folders",
                Reach::Providers => "  ──SMTP, HTTPS──▶ customers",
                Reach::Web => "  ──HTTPS──▶ endpoints of shops",
            })
            .collect();
        writeln!(picture, "{} ──▶ {name}{others}", callers(name, function))
            .expect("text takes everything");
        let mut subjects: Vec<&str> = events::ALL
            .iter()
            .filter(|event| event.producer == name)
            .map(|event| event.subject)
            .collect();
        subjects.dedup();
        for subject in subjects {
            let consumers = consumers(stack, subject).join(", ");
            let arrow = if consumers.is_empty() { "" } else { " ──▶ " };
            writeln!(picture, "    {subject}{arrow}{consumers}").expect("text takes everything");
        }
    }
    picture
}

/// A schedule, subjects, or people alone.
fn callers(name: &str, function: &Function) -> String {
    let schedule = function.annotations.get("schedule").map(|times| format!("schedule {times}"));
    let filters = annotations::parse(name, &function.annotations).unwrap_or_default();
    let filters = filters.into_iter().map(|subscription| subscription.filter);
    let all: Vec<String> = schedule.into_iter().chain(filters).collect();
    if all.is_empty() { "people".to_owned() } else { all.join(", ") }
}

/// The functions that are called with what is published on `subject`.
fn consumers<'a>(stack: &'a Stack, subject: &str) -> Vec<&'a str> {
    let is_called = |(name, function): &(&String, &Function)| {
        let subscriptions = annotations::parse(name, &function.annotations).unwrap_or_default();
        subscriptions.iter().any(|one| meets(&one.filter, subject))
    };
    stack.functions.iter().filter(is_called).map(|(name, _)| name.as_str()).collect()
}

/// Does a filter match messages on `subject`, in which `<…>` is any token?
fn meets(filter: &str, subject: &str) -> bool {
    let (mut filter, mut subject) = (filter.split('.'), subject.split('.'));
    loop {
        match (filter.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(wanted), Some(token))
                if wanted == "*" || token.starts_with('<') || wanted == token => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of this name contains `part`.
    #[track_caller]
    fn check(page: &str, name: &str, part: &str) {
        assert!(page.contains(part), "put this into docs/{name}:\n{part}");
    }

    #[test]
    fn the_pages_say_what_stack_yml_says() {
        let stack = stack::built_in();
        let page = include_str!("../../../docs/EVENTS.md");
        check(page, "EVENTS.md", &events(&stack));
        let rows = page.lines().filter(|line| line.contains("` | `orderflow.")).count();
        assert_eq!(rows, events::ALL.len(), "docs/EVENTS.md has a row of an event that is gone");
        let page = include_str!("../../../docs/ARCHITECTURE.md");
        check(page, "ARCHITECTURE.md", &picture(&stack));
    }

    #[test]
    fn consumers_are_those_whose_filters_meet_the_subject() {
        let text = "functions:
          order-ingest: {annotations: {topic: 'orders.refused.*.>'}}
          order-processor: {annotations: {topic: orders.placed.>, orderflow.ordered: 'true',
            orderflow.lanes: west}}
          status-checker: {annotations: {topic: orders, orderflow.topics: 'orders.>'}}";
        let stack = stack::parse(text, "t", |_| None).unwrap();
        for (subject, expected) in [
            ("orders", "status-checker"),
            ("orders.placed.<warehouse>.<partner>.<order>", "order-processor status-checker"),
            ("orders.refused.<warehouse>.<order>", "order-ingest status-checker"),
            ("orders.refused.<warehouse>", "status-checker"),
            ("files.arrived.<partner>", ""),
        ] {
            assert_eq!(consumers(&stack, subject).join(" "), expected, "{subject}");
        }
    }
}
