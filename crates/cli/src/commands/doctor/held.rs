//! What billing cannot issue: it waits until somebody corrects something.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use machine::http::Http;
use runtime::door::READ_TOKEN;
use serde::Deserialize;

use super::finding::Finding;
use super::gateway::get;
use super::site::Site;

const WHAT: &str = "held invoices";
/// Reasons that are shown.
const SHOWN_MAX: usize = 5;

/// What billing answers.
#[derive(Debug, Deserialize)]
struct Items {
    items: Vec<Item>,
    more: bool,
}

#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    reason: Option<String>,
}

/// Asks billing. Nothing where it is not reached, or not with the token that is here: whether it runs is said elsewhere.
pub(super) async fn look(site: &Site) -> Option<Finding> {
    let base = match &site.gateway {
        Some(gateway) if gateway.starts_with("http://") && !gateway.contains('@') => {
            format!("{}/function/billing", gateway.trim_end_matches('/'))
        }
        Some(_) => return None,
        None => site.functions.get(billing::NAME)?.trim_end_matches('/').to_owned(),
    };
    let token = std::fs::read_to_string(site.secrets.as_ref()?.join(READ_TOKEN)).ok()?;
    let authorization = format!("Bearer {}", token.trim());
    let url = format!("{base}/open-items?held=true&limit=5000");
    let answer = get(&Http::new(), url, Some(&authorization)).await.ok()?;
    match answer.status {
        StatusCode::OK => Some(match serde_json::from_slice(&answer.body) {
            Ok(found) => finding(&found),
            Err(error) => {
                let text = format!("billing's answer cannot be read: {error}");
                Finding::warning(WHAT, text, "see whether it is of this release")
            }
        }),
        StatusCode::SERVICE_UNAVAILABLE => {
            let todo = "look again when it has read all; orderflow invoices open --held";
            Some(Finding::warning(WHAT, "not known: billing does not answer yet", todo))
        }
        _ => None,
    }
}

fn finding(found: &Items) -> Finding {
    let Some(first) = found.items.first() else {
        return Finding::good(WHAT, "none");
    };
    let mut reasons = BTreeMap::<&str, usize>::new();
    for item in &found.items {
        *reasons.entry(item.reason.as_deref().unwrap_or("held")).or_default() += 1;
    }
    let shown = reasons.iter().take(SHOWN_MAX).map(|(reason, count)| format!("{reason} {count}"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    let (count, least) = (found.items.len(), if found.more { "at least " } else { "" });
    let text = format!(
        "{least}{count} orders wait for a correction, and have no document for it yet ({shown}); the first is {}",
        first.id
    );
    let todo = "orderflow invoices open --held names them, and orderflow invoices retry PARTNER/ORDER says what to correct";
    Finding::warning(WHAT, text, todo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_held_is_counted_by_its_reason() {
        let found = |items| serde_json::from_value::<Items>(items).unwrap();
        let none = finding(&found(json!({"items": [], "more": false, "sums": {}})));
        assert_eq!(none.to_string(), "✓ held invoices: none");
        let item = |id: &str, reason: &str| json!({"id": id, "reason": reason, "state": "held"});
        let items = [item("US1/1", "no_rate"), item("US1/2", "no_buyer"), item("US2/1", "no_rate")];
        let some = finding(&found(json!({"items": items, "more": true}))).to_string();
        let expected = "! held invoices: at least 3 orders wait for a correction, and have no document for it yet \
                        (no_buyer 1, no_rate 2); the first is US1/1";
        assert!(some.starts_with(expected), "{some}");
    }
}
