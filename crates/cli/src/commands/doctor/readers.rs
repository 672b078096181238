//! The consumers of each stream, and how much waits for them.

use std::collections::BTreeSet;

use async_nats::jetstream::consumer::Info;
use connector::annotations::{self, Mode, Subscription, durable_name};
use futures_util::TryStreamExt as _;
use machine::clock;
use messaging::backlog::{Backlog, Oldest};
use messaging::streams::{self, FILES, STREAMS};
use messaging::{Nats, stored};
use serde::Deserialize;
use serde_json::json;

use super::finding::Finding;

/// A reader or lane stalls when messages wait and none was done for this long. It is below a minute, so that
/// a check that runs once a minute reports it within a minute.
pub(super) const STALLED_SECONDS: i64 = 30;
/// Longer than any call may take: a message that was given out so long ago and is not done, while
/// others are, is given out again and again.
const STUCK_SECONDS: i64 = 15 * 60;
/// The process that works on a file writes to the ledger more often than this.
const WORKING_MS: i64 = 10_000;
/// More than this waiting is worth a word.
const LAG_MANY: u64 = 10_000;
const TODO: &str =
    "see whether the connector runs, whether the function is deployed, and their logs";

pub(super) async fn look(nats: &Nats) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut missing = expected();
    let is_file_read = is_file_read(nats).await;
    for definition in STREAMS {
        let name = definition.name;
        let Ok(stream) = nats.js.get_stream(name).await else {
            // That it is missing is said elsewhere.
            missing.retain(|one| one.stream != name);
            continue;
        };
        let all: Result<Vec<Info>, _> = stream.consumers().try_collect().await;
        let all = match all {
            Ok(all) => all,
            Err(error) => {
                let what = format!("readers of {name}");
                findings.push(Finding::bad(what, error.to_string(), "see the server's log"));
                continue;
            }
        };
        let paused = paused(nats, name).await;
        for info in all {
            let Some(durable) = &info.config.durable_name else { continue };
            missing.retain(|one| durable_name(&one.function, &one.filter) != *durable);
            let what = format!("reader {durable} of {}", info.config.filter_subject);
            if paused.contains(durable) {
                let todo = format!("nats consumer resume {name} {durable}");
                findings.push(Finding::bad(what, "is paused: nothing is given out", todo));
                continue;
            }
            findings.push(match Backlog::of(nats, &info).await {
                Ok(backlog) => {
                    let of_files = name == FILES && backlog.pending == 0 && is_file_read;
                    Reader::of(&info, backlog, of_files).finding(&what)
                }
                Err(error) => Finding::bad(what, error.to_string(), "see the server's log"),
            });
        }
    }
    for one in missing {
        findings.extend(unlisted(nats, &one).await);
    }
    findings
}

/// What functions are given one by one as this program knows it.
fn expected() -> Vec<Subscription> {
    let built_in = stack::parse(stack::BUILT_IN, "the built-in stack.yml", |_| None);
    let functions = built_in.map(|stack| stack.functions).unwrap_or_default();
    let all = functions
        .iter()
        .filter_map(|(name, function)| annotations::parse(name, &function.annotations).ok());
    all.flatten().filter(|one| one.mode != Mode::Ordered).collect()
}

/// A reader that is not listed: no connector has ever asked for its messages, or a server of a cluster
/// does not answer.
async fn unlisted(nats: &Nats, one: &Subscription) -> Option<Finding> {
    let Subscription { function, filter, stream, .. } = one;
    let name = durable_name(function, filter);
    let what = format!("reader {name} of {filter}");
    let reader = match Backlog::of_reader(nats, stream, &name, filter).await {
        Ok(reader) => reader,
        Err(error) => return Some(Finding::bad(what, error.to_string(), "see the server's log")),
    };
    if let Some(info) = &reader.info {
        return Some(Reader::of(info, reader.backlog, false).finding(&what));
    }
    let oldest = reader.backlog.oldest?;
    let age = oldest.age_seconds(clock::now().timestamp_millis());
    let text = format!(
        "there is none: {function} gets no messages; {} wait, the oldest, {}, for {age} s",
        reader.backlog.count(),
        oldest.sequence
    );
    Some(if age < STALLED_SECONDS {
        Finding::warning(what, text, TODO)
    } else {
        Finding::bad(what, text, TODO)
    })
}

/// Does a file-transformer work on a file just now? It says so in the ledger at least every second.
async fn is_file_read(nats: &Nats) -> bool {
    let ledger = format!("KV_{}", streams::FILES_LEDGER);
    let last = stored::last(nats, &ledger, ">").await.ok().flatten();
    let now_ms = clock::now().timestamp_millis();
    last.is_some_and(|last| now_ms - last.time_ms < WORKING_MS)
}

/// Names of the consumers that are paused. The client's own types do not know of it.
async fn paused(nats: &Nats, stream: &str) -> BTreeSet<String> {
    let mut paused = BTreeSet::new();
    let mut offset = 0;
    loop {
        let body = json!({"offset": offset}).to_string();
        let subject = format!("$JS.API.CONSUMER.LIST.{stream}");
        let Ok(answer) = nats.client.request(subject, body.into()).await else { return paused };
        let Ok(page) = serde_json::from_slice::<Page>(&answer.payload) else { return paused };
        offset += page.consumers.len();
        let is_last = page.consumers.is_empty() || page.total <= offset;
        paused.extend(page.consumers.into_iter().filter(|one| one.paused).map(|one| one.name));
        if is_last {
            return paused;
        }
    }
}

#[derive(Deserialize)]
struct Page {
    total: usize,
    #[serde(default)]
    consumers: Vec<Consumer>,
}

#[derive(Deserialize)]
struct Consumer {
    name: String,
    #[serde(default)]
    paused: bool,
}

struct Reader {
    backlog: Backlog,
    /// What is given out is a file, and it is being read.
    in_work: bool,
    now_ms: i64,
    /// Since something was acknowledged; since it was made, if nothing ever was.
    idle_seconds: i64,
    /// The last sequence that was given out.
    given: u64,
}

impl Reader {
    fn of(info: &Info, backlog: Backlog, in_work: bool) -> Self {
        let now = clock::now();
        let last = info.ack_floor.last_active.unwrap_or(info.created).unix_timestamp();
        Self {
            backlog,
            in_work,
            now_ms: now.timestamp_millis(),
            idle_seconds: now.timestamp() - last,
            given: info.delivered.stream_sequence,
        }
    }

    fn finding(&self, what: &str) -> Finding {
        let count = self.backlog.count();
        if count == 0 {
            return Finding::good(what, "nothing waits");
        }
        let Backlog { pending, unacknowledged, oldest } = self.backlog;
        let waits = format!("{count} wait ({pending} not given out, {unacknowledged} not done)");
        let Some(oldest) = oldest else { return Finding::good(what, waits) };
        let age = oldest.age_seconds(self.now_ms);
        let Oldest { sequence, .. } = oldest;
        let waits = format!("{waits}, the oldest, {sequence}, for {age} s");
        // What has only just come cannot have been done before.
        let idle = self.idle_seconds.min(age);
        if STALLED_SECONDS <= idle && !self.in_work {
            let text = format!("stalls: {waits}; none was done for {idle} s");
            return Finding::bad(what, text, TODO);
        }
        if STUCK_SECONDS <= age && sequence <= self.given {
            let text = format!("{waits}: it is given out again and again while others are done");
            let todo = "see the function's log for why it does not take this message";
            return Finding::bad(what, text, todo);
        }
        if LAG_MANY <= count || STALLED_SECONDS <= age {
            let todo = "more replicas of the function, if there are more and more";
            return Finding::warning(what, format!("{waits}; they are being done"), todo);
        }
        Finding::good(what, waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_stalls_when_something_waits_and_nothing_is_done() {
        for (pending, unacknowledged, age, idle_seconds, given, expected) in [
            (0, 0, 0, 100_000, 9, "✓ r: nothing waits"),
            (5, 0, 1, 1, 9, "✓ r: 5 wait (5 not given out, 0 not done), the oldest, 7, for 1 s"),
            (20_000, 10, 5, 1, 9, "! r: 20010 wait"),
            (5, 0, 3, 100_000, 0, "✓ r: 5 wait"),
            (5, 0, 29, 100_000, 0, "✓ r: 5 wait"),
            (5, 0, 30, 100_000, 0, "✗ r: stalls: 5 wait (5 not given out, 0 not done), the oldest"),
            (0, 3, 600, 70, 9, "✗ r: stalls: 3 wait (0 not given out, 3 not done)"),
            (0, 3, 600, 1, 9, "! r: 3 wait"),
            (
                50,
                3,
                900,
                1,
                9,
                "✗ r: 53 wait (50 not given out, 3 not done), the oldest, 7, for 900",
            ),
            (50, 0, 900, 1, 6, "! r: 50 wait"),
        ] {
            let oldest = Some(Oldest { sequence: 7, stored_ms: 1_000 });
            let backlog = Backlog { pending, unacknowledged, oldest };
            let now_ms = 1_000 + age * 1_000;
            let reader = Reader { backlog, in_work: false, now_ms, idle_seconds, given };
            let found = reader.finding("r").to_string();
            assert!(found.starts_with(expected), "{expected}: {found}");
        }
        let backlog = Backlog {
            pending: 0,
            unacknowledged: 1,
            oldest: Some(Oldest { sequence: 7, stored_ms: 0 }),
        };
        let reader = Reader { backlog, in_work: true, now_ms: 50_000, idle_seconds: 50, given: 7 };
        let found = reader.finding("r").to_string();
        assert!(found.starts_with("! r: 1 wait"), "a large file is being read: {found}");
    }
}
