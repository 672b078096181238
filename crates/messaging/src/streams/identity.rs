//! Which stream this is: a name of our own, kept in the stream's description.
//!
//! The server's creation time cannot be it. nats-server (seen with 2.9.10 and 2.14.3) writes a new one
//! when a stream is updated that was recovered from disk, so the same stream looked like another one
//! after the next start. The description survives restarts, updates, upgrades, backups, and is the
//! same on every replica.

use async_nats::jetstream::stream::Info;
use chrono::{DateTime, SecondsFormat};

/// Between them stands the name: `[orderflow-stream NAME also OLD OLDER]`.
const OPEN: &str = "[orderflow-stream ";
const CLOSE: char = ']';
const ALSO: &str = " also ";
/// Most former names that are kept. nats-server takes descriptions of 4 KiB.
const ALSO_MAX: usize = 32;

/// Who a stream is, whatever its server did to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name by which positions refer to it. For a stream that `setup` has not marked yet, the
    /// server's creation time.
    pub name: String,
    /// Further names of the same stream: creation times by which positions of version 0.1.0 know it.
    pub also: Vec<String>,
}

impl Identity {
    /// The identity of a stream as the server describes it.
    #[must_use]
    pub fn of(info: &Info) -> Self {
        let marked = info.config.description.as_deref().and_then(Self::read);
        marked.unwrap_or_else(|| Self { name: created(info), also: Vec::new() })
    }

    /// Is `name` one of its names?
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.also.iter().any(|also| also == name)
    }

    /// The identity in a description, if it holds one.
    #[must_use]
    pub fn read(description: &str) -> Option<Self> {
        let (_, rest) = description.split_once(OPEN)?;
        let (inside, _) = rest.split_once(CLOSE)?;
        let (name, also) = inside.split_once(ALSO).unwrap_or((inside, ""));
        let also = also.split_whitespace().map(str::to_owned).collect();
        let name = name.trim();
        (!name.is_empty()).then(|| Self { name: name.to_owned(), also })
    }

    /// `description` with this identity in the place of the one that it has; other text is kept.
    #[must_use]
    pub fn write(&self, description: &str) -> String {
        let text = match description.split_once(OPEN) {
            Some((before, rest)) => {
                let after = rest.split_once(CLOSE).map_or("", |(_, after)| after);
                format!("{before}{after}")
            }
            None => description.to_owned(),
        };
        let also: Vec<&str> = self.also.iter().take(ALSO_MAX).map(String::as_str).collect();
        let also =
            if also.is_empty() { String::new() } else { format!("{ALSO}{}", also.join(" ")) };
        let mark = format!("{OPEN}{}{also}{CLOSE}", self.name);
        match text.trim() {
            "" => mark,
            text => format!("{text} {mark}"),
        }
    }
}

/// When the server says that a stream was created, as version 0.1.0 wrote it into positions.
#[must_use]
pub fn created(info: &Info) -> String {
    let nanos = i64::try_from(info.created.unix_timestamp_nanos()).unwrap_or_default();
    DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: &str, also: &[&str]) -> Identity {
        Identity { name: name.into(), also: also.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn an_identity_survives_the_way_through_a_description() {
        for it in [
            identity("a1", &[]),
            identity("a1", &["2026-11-29T10:00:00.5Z", "2026-11-30T10:00:00Z"]),
            identity("2026-11-29T10:00:00.5Z", &[]),
        ] {
            for text in ["", "our orders", "[ours] of team A", "before [orderflow-stream x] after"]
            {
                assert_eq!(Identity::read(&it.write(text)).as_ref(), Some(&it), "{text}");
            }
        }
    }

    #[test]
    fn an_operators_text_is_kept_and_no_mark_is_doubled() {
        let it = identity("a1", &[]);
        let once = it.write("our orders");
        assert_eq!(once, "our orders [orderflow-stream a1]");
        assert_eq!(it.write(&once), once);
        assert_eq!(it.write("a [orderflow-stream b also c] d"), "a  d [orderflow-stream a1]");
    }

    #[test]
    fn a_description_without_a_whole_mark_names_nobody() {
        for text in
            ["", "orders", "[orderflow-stream ", "[orderflow-stream a", "[orderflow-stream ]"]
        {
            assert_eq!(Identity::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_former_name_is_a_name() {
        let it = identity("a1", &["then"]);
        assert!(it.is("a1") && it.is("then") && !it.is("now") && !it.is(""));
    }
}
