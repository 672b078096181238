//! NATS: reachable, new enough, with JetStream, the streams, and whoever reads them.

use std::error::Error as _;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::jetstream::consumer::{DeliverPolicy, Info, pull};
use futures_util::TryStreamExt as _;
use messaging::Nats;
use messaging::streams::inspect::{State, inspect};
use messaging::streams::{self, STREAMS, Settings};
use serde_json::Value;

use super::finding::Finding;
use super::site::Site;
use super::{clocks, lanes, machine};
use crate::clock;

const ANSWER_MAX: Duration = Duration::from_secs(10);
/// A reader that was given nothing for so long while something waits does not read.
const STALLED_SECONDS: i64 = 60;
/// More than this waiting is worth a word.
const LAG_MANY: u64 = 10_000;

pub(super) async fn look(site: &Site) -> Vec<Finding> {
    let Some(url) = &site.nats else {
        return vec![Finding::warning("NATS", "not looked at", "--nats URL")];
    };
    // An address may carry a password.
    let place = url.rsplit_once('@').map_or(url.as_str(), |(_, place)| place);
    let todo = "see whether nats-server runs, and whether the address is right";
    let connect = Nats::connect(url, "orderflow doctor", false);
    let nats = match tokio::time::timeout(ANSWER_MAX, connect).await {
        Ok(Ok(nats)) => nats,
        Ok(Err(error)) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            return vec![Finding::bad(
                "NATS",
                format!("cannot connect to {place}: {reason}"),
                todo,
            )];
        }
        Err(_) => {
            let text = format!("{place} does not answer within {} s", ANSWER_MAX.as_secs());
            return vec![Finding::bad("NATS", text, todo)];
        }
    };
    let mut findings = vec![version(&nats.client.server_info().version)];
    match jetstream(&nats).await {
        Ok(found) => findings.push(found),
        Err(bad) => {
            findings.push(bad);
            return findings;
        }
    }
    findings.push(Finding::warning(
        "sync_interval",
        "cannot be seen from here; by default a power loss may take what was acknowledged in the \
         last two minutes",
        "in production: three replicas, and sync_interval: always in the server's configuration",
    ));
    findings.extend(settings_of_streams(&nats, site).await);
    findings.push(server_clock(&nats).await);
    findings.extend(consumers(&nats).await);
    findings.extend(lanes::look(&nats, &site.partners()).await);
    findings
}

/// What is known of a version.
fn version(text: &str) -> Finding {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    let version = (next(), next(), next());
    let what = "NATS";
    let todo = "use 2.12.12, 2.14.3 or newer in production";
    let said = format!("nats-server {text}");
    match version {
        (0, 0, 0) => Finding::warning(what, format!("{said}: a version that is not known"), todo),
        (2, 10, 20..=22) => {
            Finding::warning(what, format!("{said} may lose whole streams when it is killed"), todo)
        }
        version if version < (2, 10, 0) => {
            let facts = "has known security holes and no sync_interval: always";
            Finding::warning(what, format!("{said} {facts}; good for one machine only"), todo)
        }
        version if version < (2, 12, 12) || ((2, 13, 0)..(2, 14, 3)).contains(&version) => {
            Finding::warning(what, format!("{said} has known security holes"), todo)
        }
        _ => Finding::good(what, said),
    }
}

/// JetStream's account, asked without the client's own types: they do not read what 2.9 says.
async fn jetstream(nats: &Nats) -> Result<Finding, Finding> {
    let todo = "start nats-server with JetStream (-js), and allow it to this account";
    let what = "JetStream";
    let answer = match nats.client.request("$JS.API.INFO", "".into()).await {
        Ok(message) => message.payload,
        Err(error) if error.kind() == RequestErrorKind::NoResponders => {
            return Err(Finding::bad(what, "is not enabled", todo));
        }
        Err(error) => return Err(Finding::bad(what, error.to_string(), todo)),
    };
    let info: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if let Some(error) = info.pointer("/error/description").and_then(Value::as_str) {
        return Err(Finding::bad(what, error, todo));
    }
    let number = |place: &str| info.pointer(place).and_then(Value::as_i64).unwrap_or_default();
    let (used, most) = (number("/storage").max(0), number("/limits/max_storage"));
    let size = |bytes: i64| machine::size(bytes.unsigned_abs());
    let text = format!("{} streams, {} stored", number("/streams"), size(used));
    // Nothing is below 0 where there is no limit.
    if 0 < most && most / 10 * 8 < used {
        let text = format!("{text}, of {} that the account may", size(most));
        return Ok(Finding::warning(what, text, "raise the limit, or shorten what streams keep"));
    }
    Ok(Finding::good(what, text))
}

async fn settings_of_streams(nats: &Nats, site: &Site) -> Vec<Finding> {
    let replicas = match site.replicas {
        Some(replicas) => replicas,
        // As many as there are; all must have as many.
        None => match nats.js.get_stream(streams::ORDERS).await {
            Ok(stream) => stream.cached_info().config.num_replicas.max(1),
            Err(_) => 1,
        },
    };
    let finding = |found: streams::inspect::Inspection| {
        let what = match found.name.starts_with("bucket ") {
            true => found.name,
            false => format!("stream {}", found.name),
        };
        let todo = format!("orderflow setup --replicas {replicas}");
        match found.state {
            State::AsSetUp => Finding::good(what, format!("as set up, {replicas} replicas")),
            State::Missing => Finding::bad(what, "is missing", todo),
            State::Differs(differences) => {
                let texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
                Finding::bad(what, texts.join("; "), todo)
            }
            State::Unknown(reason) => Finding::bad(what, reason, "see the server's log"),
        }
    };
    inspect(nats, Settings::copies(replicas)).await.into_iter().map(finding).collect()
}

/// The server says when it made a consumer.
async fn server_clock(nats: &Nats) -> Finding {
    let what = "clock of NATS";
    let asked = async {
        let stream = nats.js.get_stream_no_info(streams::ERRORS).await?;
        let before = clock::now().timestamp_millis();
        let consumer = stream
            .create_consumer(pull::Config {
                filter_subject: "errors.none".to_owned(),
                deliver_policy: DeliverPolicy::New,
                inactive_threshold: Duration::from_secs(5),
                ..Default::default()
            })
            .await?;
        let after = clock::now().timestamp_millis();
        let info = consumer.cached_info();
        let there = info.created.unix_timestamp_nanos() / 1_000_000;
        // Otherwise it is gone after five seconds.
        drop(stream.delete_consumer(&info.name).await);
        let there = i64::try_from(there)?;
        anyhow::Ok(there - i64::midpoint(before, after))
    };
    match asked.await {
        Ok(ahead_ms) => clocks::finding(what, ahead_ms),
        Err(error) => {
            let text = format!("cannot be asked: {error}");
            Finding::warning(what, text, "allow this account to make a consumer")
        }
    }
}

/// Whoever reads streams, and what waits for them.
async fn consumers(nats: &Nats) -> Vec<Finding> {
    let mut findings = Vec::new();
    for definition in STREAMS {
        let Ok(stream) = nats.js.get_stream(definition.name).await else { continue };
        let all: Result<Vec<Info>, _> = stream.consumers().try_collect().await;
        let what = format!("readers of {}", definition.name);
        match all {
            Ok(all) => findings.extend(all.iter().filter_map(consumer)),
            Err(error) => {
                let todo = "see the server's log";
                findings.push(Finding::bad(what, error.to_string(), todo));
            }
        }
    }
    findings
}

fn consumer(info: &Info) -> Option<Finding> {
    let name = info.config.durable_name.as_ref()?;
    let last = info.delivered.last_active.unwrap_or(info.created).unix_timestamp();
    let reader = Reader {
        waiting: info.num_pending,
        given: u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX),
        idle_seconds: clock::now().timestamp() - last,
    };
    Some(reader.finding(&format!("reader {name} of {}", info.config.filter_subject)))
}

struct Reader {
    /// Messages that were never given out.
    waiting: u64,
    /// Messages that were, and are not acknowledged.
    given: u64,
    /// Since something was given out.
    idle_seconds: i64,
}

impl Reader {
    fn finding(&self, what: &str) -> Finding {
        let Self { waiting, given, idle_seconds } = *self;
        let todo =
            "see whether the connector runs, whether the function is deployed, and their logs";
        if 0 < waiting && STALLED_SECONDS <= idle_seconds {
            let text =
                format!("stalls: {waiting} wait, and none was given out for {idle_seconds} s");
            return Finding::bad(what, text, todo);
        }
        if 0 < given && STALLED_SECONDS <= idle_seconds {
            let text = format!("{given} were given out {idle_seconds} s ago and are not done");
            return Finding::warning(what, text, todo);
        }
        match waiting {
            0 => Finding::good(what, "nothing waits"),
            LAG_MANY.. => {
                Finding::warning(what, format!("{waiting} wait"), "more replicas of the function")
            }
            _ => Finding::good(what, format!("{waiting} wait")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_too_old_says_why() {
        for (text, expected) in [
            ("2.9.10", "! NATS: nats-server 2.9.10 has known security holes and no sync_interval"),
            ("2.10.21", "! NATS: nats-server 2.10.21 may lose whole streams"),
            ("2.10.27", "! NATS: nats-server 2.10.27 has known security holes → use"),
            ("2.12.11", "! NATS: nats-server 2.12.11 has known security holes → use"),
            ("2.12.12", "✓ NATS: nats-server 2.12.12"),
            ("2.14.2", "! NATS: nats-server 2.14.2 has known security holes → use"),
            ("2.14.3", "✓ NATS: nats-server 2.14.3"),
            ("2.15.2-RC.1", "✓ NATS: nats-server 2.15.2-RC.1"),
            ("", "! NATS: nats-server : a version that is not known"),
        ] {
            let found = version(text).to_string();
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn a_reader_stalls_when_something_waits_and_nothing_is_given_out() {
        for (waiting, given, idle_seconds, expected) in [
            (0, 0, 100_000, "✓ r: nothing waits"),
            (5, 0, 1, "✓ r: 5 wait"),
            (20_000, 10, 1, "! r: 20000 wait"),
            (5, 10, 61, "✗ r: stalls: 5 wait, and none was given out for 61 s → see"),
            (0, 3, 600, "! r: 3 were given out 600 s ago and are not done"),
        ] {
            let found = Reader { waiting, given, idle_seconds }.finding("r").to_string();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
