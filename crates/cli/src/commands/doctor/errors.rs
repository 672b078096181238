//! What was given up: dead letters, orders that could not be decided, conflicts.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use messaging::{Nats, streams};

use super::finding::Finding;

pub(super) async fn look(nats: &Nats) -> Vec<Finding> {
    let counted = async {
        let mut counts = BTreeMap::new();
        let stream = nats.js.get_stream_no_info(streams::ERRORS).await?;
        let mut subjects = stream.info_with_subjects("errors.>").await?;
        while let Some((subject, count)) = subjects.try_next().await? {
            if let Some(kind) = kind(&subject) {
                *counts.entry(kind).or_default() += count;
            }
        }
        anyhow::Ok(counts)
    };
    match counted.await {
        Ok(counts) => findings(&counts),
        // That the stream is missing is said elsewhere.
        Err(error) => vec![Finding::warning(
            "dead letters",
            format!("cannot be counted: {error}"),
            "see stream ERRORS",
        )],
    }
}

/// What is counted together: `dead.FUNCTION`, `undecidable`, `conflict`.
fn kind(subject: &str) -> Option<String> {
    let mut tokens = subject.strip_prefix("errors.")?.split('.');
    match (tokens.next()?, tokens.next()) {
        ("dead", Some(function)) => Some(format!("dead.{function}")),
        (kind @ ("undecidable" | "conflict"), _) => Some(kind.to_owned()),
        _ => None,
    }
}

fn findings(counts: &BTreeMap<String, usize>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, count) in counts {
        findings.push(if let Some(function) = kind.strip_prefix("dead.") {
            let subject = format!("errors.dead.{function}");
            let todo = format!(
                "look: nats stream view ERRORS --subject {subject} (the header \
                 Orderflow-Dead-Error says why); send what is corrected again; once they are dealt \
                 with: nats stream purge ERRORS --subject {subject}"
            );
            let text = format!("{count} of {function} are kept, and nothing is done with them");
            Finding::bad("dead letters", text, todo)
        } else if kind == "undecidable" {
            let text = format!("{count} placed messages could not be read as orders");
            let todo = "nats stream view ERRORS --subject 'errors.undecidable.>'";
            Finding::bad("orders", text, todo)
        } else {
            let text = format!("{count} orders came with an id that another order has");
            let todo = "ask the sender: nats stream view ERRORS --subject 'errors.conflict.>'";
            Finding::warning("conflicts", text, todo)
        });
    }
    if !counts.keys().any(|kind| kind.starts_with("dead.")) {
        findings.push(Finding::good("dead letters", "none"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_counted_by_who_gave_it_up() {
        let mut counts = BTreeMap::new();
        for subject in [
            "errors.dead.order-ingest",
            "errors.dead.order-ingest",
            "errors.conflict.US1.7",
            "errors.undecidable.main.x-3",
            "errors.alert.partners.x",
        ] {
            if let Some(kind) = kind(subject) {
                *counts.entry(kind).or_default() += 1;
            }
        }
        let found: Vec<String> = findings(&counts).iter().map(ToString::to_string).collect();
        for (found, expected) in found.iter().zip([
            "! conflicts: 1 orders came",
            "✗ dead letters: 2 of order-ingest are kept, and nothing is done with them → with the",
            "✗ orders: 1 placed messages could not be read",
        ]) {
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(found.len(), 3);
        assert_eq!(findings(&BTreeMap::new())[0].to_string(), "✓ dead letters: none");
    }
}
