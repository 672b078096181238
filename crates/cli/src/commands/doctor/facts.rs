//! Journals: is every entry whole, and is everything stored that follows from it?

use domain::WarehouseId;
use messaging::{Nats, streams};

use super::finding::Finding;
use crate::commands::journal;
use crate::commands::journal::of::Of;

/// With more messages in the stream of orders than this, reading them takes longer than somebody
/// waits who only looks.
const MESSAGES_MAX: u64 = 500_000;
/// Problems that are shown.
const SHOWN_MAX: usize = 3;

pub(super) async fn look(nats: &Nats, of: Of, warehouse: &WarehouseId) -> Finding {
    let what = match of {
        Of::Stock => format!("journal of {warehouse}"),
        Of::Invoices => format!("invoices of {warehouse}"),
    };
    let command = format!("orderflow journal verify{} --warehouse {warehouse}", of.flag());
    let messages = match nats.js.get_stream(streams::ORDERS).await {
        Ok(stream) => stream.cached_info().state.messages,
        Err(error) => return Finding::bad(what, error.to_string(), "see stream ORDERS"),
    };
    if MESSAGES_MAX < messages {
        let text = format!("not read: ORDERS has {messages} messages, and only {MESSAGES_MAX} are");
        return Finding::warning(what, text, command);
    }
    let found = match of.verify(nats, warehouse).await {
        Ok(found) => found,
        Err(error) => return Finding::bad(what, error.to_string(), command),
    };
    let lost = journal::lost(nats, of, warehouse, found.unsettled).await;
    if let Ok(lost @ 1..) = lost {
        let function = of.function();
        let todo = format!("kubectl rollout restart of {function}, or orderflow up again");
        return Finding::bad(what, journal::lost_text(of, lost), todo);
    }
    if found.problems_total == 0 {
        let text = format!("{} entries, each with all that follows from it", found.entries);
        return Finding::good(what, text);
    }
    let shown: Vec<String> = found
        .problems
        .iter()
        .take(SHOWN_MAX)
        .map(|problem| format!("entry {}: {}", problem.entry, problem.text))
        .collect();
    let more = match found.problems_total.saturating_sub(shown.len() as u64) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let todo = format!(
        "{command} lists them; what is gone from a stream comes back only from a backup of it"
    );
    Finding::bad(what, format!("{}{more}", shown.join("; ")), todo)
}
