//! NATS: reachable, new enough, with JetStream; and then what is in it.

use std::error::Error as _;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use machine::clock;
use messaging::Nats;
use messaging::address::Address;
use messaging::streams::ERRORS;
use serde_json::Value;
use terminal::output;

use super::finding::Finding;
use super::site::Site;
use super::{clocks, errors, lanes, readers, storage, streams};

/// What k8s/base installs; a test holds it against that.
const NEWEST: &str = "2.15.3";
const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(super) async fn look(site: &Site) -> Vec<Finding> {
    let Some(url) = &site.nats else {
        return vec![Finding::warning("NATS", "not looked at", "--nats URL")];
    };
    let todo = "see whether nats-server runs, and whether the address is right";
    let address = match Address::parse(url) {
        Ok(address) => address,
        Err(error) => return vec![Finding::bad("NATS", error.to_string(), "correct the URL")],
    };
    let connect = Nats::connect(url, "orderflow doctor", false);
    let nats = match tokio::time::timeout(ANSWER_MAX, connect).await {
        Ok(Ok(nats)) => nats,
        Ok(Err(error)) => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            let text = format!("cannot connect to {address}: {reason}");
            return vec![Finding::bad("NATS", text, todo)];
        }
        Err(_) => {
            let text = format!("{address} does not answer within {} s", ANSWER_MAX.as_secs());
            return vec![Finding::bad("NATS", text, todo)];
        }
    };
    let mut findings = vec![version(&nats.client.server_info().version)];
    if let Err(error) = Address::check(url) {
        findings.push(Finding::warning("URL of NATS", error.to_string(), "correct it"));
    }
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
    findings.push(storage::look(&nats).await);
    findings.extend(streams::look(&nats, site).await);
    findings.push(server_clock(&nats).await);
    findings.extend(readers::look(&nats).await);
    findings.extend(errors::look(&nats).await);
    findings.extend(lanes::look(&nats, site).await);
    findings
}

/// What is known of a version.
fn version(text: &str) -> Finding {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    let version = (next(), next(), next());
    let what = "NATS";
    let todo = format!("use {NEWEST} in production");
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
    let what = "JetStream";
    let todo = "see the log of nats-server and whether its disk is full; make room, start it again, and \
                wait for a majority of its servers. Where it never had JetStream: start it with -js, and \
                allow it to this account";
    let answer = match nats.client.request("$JS.API.INFO", "".into()).await {
        Ok(message) => message.payload,
        Err(error) if error.kind() == RequestErrorKind::NoResponders => {
            return Err(Finding::bad(
                what,
                no_answer("nothing of this server takes the question"),
                todo,
            ));
        }
        Err(error) => return Err(Finding::bad(what, no_answer(&error.to_string()), todo)),
    };
    let info: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if let Some(error) = info.pointer("/error/description").and_then(Value::as_str) {
        return Err(Finding::bad(what, error, todo));
    }
    let number = |place: &str| info.pointer(place).and_then(Value::as_i64).unwrap_or_default();
    let (used, most) = (number("/storage").max(0), number("/limits/max_storage"));
    let size = |bytes: i64| output::size(bytes.unsigned_abs());
    let text = format!("{} streams, {} stored", number("/streams"), size(used));
    // Nothing is below 0 where there is no limit.
    if 0 < most && most / 10 * 8 < used {
        let text = format!("{text}, of {} that the account may", size(most));
        return Ok(Finding::warning(what, text, "raise the limit, or shorten what streams keep"));
    }
    Ok(Finding::good(what, text))
}

/// A server that could no longer write answers as one that never had JetStream.
fn no_answer(how: &str) -> String {
    format!(
        "no answer came ({how}): it was switched off by the server itself, which happens when its disk is \
         full, has no leader, is too busy, or was never enabled"
    )
}

/// The server says when it made a consumer.
async fn server_clock(nats: &Nats) -> Finding {
    let what = "clock of NATS";
    let asked = async {
        let stream = nats.js.get_stream_no_info(ERRORS).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_advised_is_the_one_that_is_installed() {
        let installed = include_str!("../../../../../k8s/base/nats/nats.yml");
        assert!(installed.contains(&format!("image: nats:{NEWEST}-alpine")), "{NEWEST}");
    }

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
}
