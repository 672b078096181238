//! Streams and buckets: set up as they have to be, able to take messages, and with all their copies.

use async_nats::jetstream::stream::{ClusterInfo, DiscardPolicy, Info};
use messaging::Nats;
use messaging::streams::inspect::{Difference, State, inspect};
use messaging::streams::{self, BUCKETS, STREAMS, Settings};

use super::finding::Finding;
use super::site::Site;

const LOG: &str = "see the server's log";

pub(super) async fn look(nats: &Nats, site: &Site) -> Vec<Finding> {
    let orders = nats.js.get_stream(streams::ORDERS).await;
    let orders = orders.as_ref().ok().map(|stream| stream.cached_info());
    let (replicas, alone) = wanted(site.replicas, orders);
    let mut findings: Vec<Finding> = alone.into_iter().collect();
    let names = STREAMS.iter().map(|stream| stream.name.to_owned());
    let names = names.chain(BUCKETS.iter().map(|name| format!("KV_{name}")));
    let inspections = inspect(nats, Settings::copies(replicas)).await;
    for (found, name) in inspections.into_iter().zip(names) {
        let what = match found.name.starts_with("bucket ") {
            true => found.name,
            false => format!("stream {}", found.name),
        };
        let todo = format!("orderflow setup --replicas {replicas}");
        let differences = match found.state {
            State::AsSetUp => Vec::new(),
            State::Differs(differences) => differences,
            State::Missing => {
                findings.push(Finding::bad(what, "is missing", todo));
                continue;
            }
            State::Unknown(reason) => {
                findings.push(Finding::bad(what, reason, LOG));
                continue;
            }
        };
        match nats.js.get_stream(&name).await {
            Ok(stream) => {
                let info = stream.cached_info();
                findings.extend(of_stream(&what, info, &differences, replicas));
            }
            Err(error) => findings.push(Finding::bad(what, error.to_string(), LOG)),
        }
    }
    findings
}

/// How many copies there should be: as many as are asked for, else as `ORDERS` has. One server alone is said
/// once, and not again of every stream.
fn wanted(asked: Option<usize>, orders: Option<&Info>) -> (usize, Option<Finding>) {
    let has = orders.map_or(1, |info| info.config.num_replicas.max(1));
    let wanted = asked.unwrap_or(has);
    // One copy of each, of a server that is in no cluster: installed as one.
    let is_alone = orders.is_some_and(|info| info.cluster.is_none()) && has == 1;
    if wanted <= 1 || !is_alone {
        return (wanted, None);
    }
    let text =
        format!("{wanted} were asked for, and this nats-server is alone: it keeps one of each");
    let todo =
        "without --replicas where one is meant (overlay dev); else three servers (overlay plain)";
    (1, Some(Finding::bad("copies", text, todo)))
}

/// What is wrong with a stream, the worst first; one line if nothing is.
fn of_stream(what: &str, info: &Info, differences: &[Difference], replicas: usize) -> Vec<Finding> {
    let todo = format!("orderflow setup --replicas {replicas}");
    let name = &info.config.name;
    let mut findings: Vec<Finding> = Vec::new();
    let closed = closed(info);
    if let Some((text, todo)) = &closed {
        findings.push(Finding::bad(what, text, todo));
    }
    if let Some(text) = full(info) {
        findings.push(Finding::bad(what, text, &todo));
    }
    if let Some(text) = copies(info.config.num_replicas, info.cluster.as_ref()) {
        let todo = format!(
            "start the servers that are missing (nats stream cluster, nats server list); where one \
             is all there will be: nats stream edit {name} --replicas 1"
        );
        findings.push(Finding::bad(what, text, todo));
    }
    // What cannot be changed is said above, with what helps.
    let others = differences.iter().filter(|it| !["sealed", "mirror"].contains(&&*it.setting));
    let texts: Vec<String> = others.map(ToString::to_string).collect();
    if !texts.is_empty() && closed.is_none() {
        findings.push(Finding::bad(what, texts.join("; "), todo));
    }
    if findings.is_empty() {
        findings.push(Finding::good(what, format!("as set up, {replicas} replicas")));
    }
    findings
}

/// Why nothing can be published to it whatever its limits are, and what helps.
fn closed(info: &Info) -> Option<(String, String)> {
    let name = &info.config.name;
    if info.config.sealed {
        let text = "is sealed: it takes no message any more, and no server can undo that";
        let todo = format!(
            "nats stream backup {name} FOLDER, then nats stream rm {name}, orderflow setup; a new \
             ORDERS is gone on with by orderflow journal rebase --warehouse NAME --reason \"…\""
        );
        return Some((text.to_owned(), todo));
    }
    let mirror = info.config.mirror.as_ref()?;
    let text = format!("is a mirror of {}: nothing can be published to it", mirror.name);
    let todo = format!(
        "where the other one is gone for good, make it a stream of its own: nats stream edit {name} \
         --no-mirror (nats-server 2.12 and newer), or restore a backup; then orderflow setup"
    );
    Some((text, todo))
}

/// A limit that somebody set and that is reached.
fn full(info: &Info) -> Option<String> {
    let (config, state) = (&info.config, &info.state);
    let reached =
        |limit: i64, is: u64| u64::try_from(limit).is_ok_and(|limit| limit > 0 && limit <= is);
    // A message that does not fit any more is larger than nothing.
    let bytes = state.bytes.saturating_add(state.bytes / 20);
    let limit = if reached(config.max_messages, state.messages) {
        format!("{} messages of {}", state.messages, config.max_messages)
    } else if reached(config.max_bytes, bytes) {
        format!("{} bytes of {}", state.bytes, config.max_bytes)
    } else {
        return None;
    };
    let follows = match config.discard {
        DiscardPolicy::New => "it takes no message any more",
        DiscardPolicy::Old => "each new message removes the oldest, done or not",
    };
    Some(format!("is full, {limit}: {follows}"))
}

/// Fewer copies than it should have.
fn copies(wanted: usize, cluster: Option<&ClusterInfo>) -> Option<String> {
    if wanted <= 1 {
        return None;
    }
    let Some(cluster) = cluster.filter(|cluster| cluster.leader.is_some()) else {
        let why = match cluster {
            None => "this server is in no cluster",
            Some(_) => "it has no leader",
        };
        return Some(format!("should have {wanted} copies, and {why}"));
    };
    let (here, away): (Vec<_>, Vec<_>) =
        cluster.replicas.iter().partition(|peer| peer.current && !peer.offline);
    let count = 1 + here.len();
    if wanted <= count {
        return None;
    }
    let names: Vec<&str> = away.iter().map(|peer| peer.name.as_str()).collect();
    let names = match names.is_empty() {
        true => String::new(),
        false => format!("; not up to date: {}", names.join(", ")),
    };
    Some(format!("has {count} of {wanted} copies{names}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn info(config: &Value, messages: u64, bytes: u64, cluster: &Value) -> Info {
        let mut whole = json!({"name": "ORDERS", "retention": "limits", "storage": "file",
            "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0,
            "max_msgs_per_subject": -1, "discard": "new", "num_replicas": 1, "subjects": ["orders"]});
        let given = config.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(given);
        serde_json::from_value(json!({
            "config": whole, "created": "2026-01-01T00:00:00Z", "cluster": cluster,
            "state": {"messages": messages, "bytes": bytes, "first_seq": 1, "last_seq": messages,
                "first_ts": "2026-01-01T00:00:00Z", "last_ts": "2026-01-01T00:00:00Z",
                "consumer_count": 0},
        }))
        .unwrap()
    }

    fn said(config: &Value, messages: u64, bytes: u64, cluster: &Value) -> Vec<String> {
        let found = of_stream("s", &info(config, messages, bytes, cluster), &[], 1);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_takes_no_message_is_said_with_what_helps() {
        for (config, expected) in [
            (json!({}), "✓ s: as set up"),
            (json!({"sealed": true}), "✗ s: is sealed: it takes no message any more"),
            (json!({"mirror": {"name": "X"}}), "✗ s: is a mirror of X: nothing can be published"),
            (json!({"max_msgs": 7}), "✗ s: is full, 7 messages of 7: it takes no message"),
            (
                json!({"max_msgs": 7, "discard": "old"}),
                "✗ s: is full, 7 messages of 7: each new message removes the oldest",
            ),
            (json!({"max_msgs": 8}), "✓ s"),
            (json!({"max_bytes": 1_000}), "✗ s: is full, 990 bytes of 1000"),
            (json!({"max_bytes": 2_000}), "✓ s"),
        ] {
            let found = said(&config, 7, 990, &Value::Null);
            assert!(found.len() == 1 && found[0].starts_with(expected), "{config}: {found:?}");
        }
        let sealed = said(&json!({"sealed": true}), 0, 0, &Value::Null);
        assert!(sealed[0].contains("nats stream rm ORDERS"), "{sealed:?}");
    }

    #[test]
    fn a_server_alone_is_one_finding_and_not_one_of_each_stream() {
        let alone = info(&json!({}), 0, 0, &Value::Null);
        assert_eq!(wanted(None, Some(&alone)), (1, None));
        assert_eq!(wanted(Some(1), Some(&alone)), (1, None));
        let (replicas, finding) = wanted(Some(3), Some(&alone));
        let said = finding.unwrap().to_string();
        assert_eq!(replicas, 1);
        assert!(
            said.starts_with("✗ copies: 3 were asked for, and this nats-server is alone"),
            "{said}"
        );
        let cluster = info(&json!({"num_replicas": 3}), 0, 0, &json!({"leader": "a"}));
        assert_eq!(wanted(None, Some(&cluster)), (3, None));
        assert_eq!(wanted(Some(3), None), (3, None), "what is missing is said of each");
    }

    #[test]
    fn copies_that_are_missing_are_counted_and_named() {
        let peer = |name: &str, current: bool, offline: bool| {
            json!({"name": name,
            "current": current, "offline": offline, "active": 0})
        };
        let cluster = |peers: &[Value]| json!({"leader": "a", "replicas": peers});
        let three = json!({"num_replicas": 3});
        let well = cluster(&[peer("b", true, false), peer("c", true, false)]);
        assert!(said(&three, 0, 0, &well)[0].starts_with("✓ s"));
        for (cluster, expected) in [
            (Value::Null, "✗ s: should have 3 copies, and this server is in no cluster → with"),
            (json!({"replicas": []}), "✗ s: should have 3 copies, and it has no leader"),
            (cluster(&[]), "✗ s: has 1 of 3 copies →"),
            (
                cluster(&[peer("b", true, true), peer("c", false, false)]),
                "✗ s: has 1 of 3 copies; not up to date: b, c",
            ),
            (cluster(&[peer("b", true, false)]), "✗ s: has 2 of 3 copies"),
        ] {
            let found = said(&three, 0, 0, &cluster);
            assert!(found[0].starts_with(expected), "{found:?}");
        }
    }
}
