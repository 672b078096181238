//! What nats-server refused because the user may not do it: its log says so, and nothing else that one can ask.

use std::collections::BTreeMap;

use machine::dir::DataDir;

use super::finding::Finding;

const WHAT: &str = "rights at NATS";
/// What the log says when the server begins.
const BEGINS: &str = "Starting nats-server";
/// Between the client and the user, in a line of the log.
const VIOLATION: &str = " Violation - User \"";

/// By user: how often since the server was started, and the last subject.
type Denied = BTreeMap<String, (u64, String)>;

/// Looks into the log of the nats-server of `up`; nothing where somebody else runs NATS.
pub(super) fn look(dir: &DataDir) -> Option<Finding> {
    let log = std::fs::read(dir.nats().join("nats-server.log")).ok()?;
    Some(finding(&denied(&String::from_utf8_lossy(&log))))
}

fn denied(log: &str) -> Denied {
    let mut denied = Denied::new();
    for line in log.lines() {
        if line.contains(BEGINS) {
            denied.clear();
        }
        let Some((user, subject)) = violation(line) else { continue };
        let of_user = denied.entry(user.to_owned()).or_default();
        of_user.0 += 1;
        subject.clone_into(&mut of_user.1);
    }
    denied
}

/// User and subject of `… - Publish Violation - User "NAME", Subject "orders"`.
fn violation(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(VIOLATION)?;
    let (user, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("Subject \"")?;
    Some((user, rest.split_once('"')?.0))
}

fn finding(denied: &Denied) -> Finding {
    if denied.is_empty() {
        return Finding::good(WHAT, "no user was refused anything since nats-server was started");
    }
    let texts = denied.iter().map(|(user, (count, subject))| {
        format!("{user} was refused {count} times, at last at {subject}")
    });
    let todo = "a function of ours: report it; a program of yours: log in as a user that may do it \
                (docs/OPERATIONS.md has the users)";
    Finding::warning(WHAT, texts.collect::<Vec<_>>().join("; "), todo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_user_since_the_server_was_started() {
        let line = |kind: &str, user: &str, subject: &str| {
            format!(
                "[7] 2026/01/01 08:00:00 [ERR] 127.0.0.1:4 - cid:8 - \"v1\" - {kind} Violation - User \
                 \"{user}\", Subject \"{subject}\"\n"
            )
        };
        let begins = "[7] 2026/01/01 08:00:00 [INF] Starting nats-server\n";
        let before = line("Publish", "sender", "orders.placed.x");
        let after = line("Publish", "sender", "a") + &line("Subscription", "sender", "b.>");
        let found = |log: &str| finding(&denied(log)).to_string();
        assert!(found(&format!("{before}{begins}")).starts_with("✓ rights at NATS: no user"));
        let found = found(&format!("{begins}{before}{begins}{after}"));
        let expected = "! rights at NATS: sender was refused 2 times, at last at b.> → ";
        assert!(found.starts_with(expected), "{found}");
    }
}
