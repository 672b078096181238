//! What a function may do: at NATS, and whom else it may reach.

use crate::streams::TOKENS;

/// What a function may do at NATS, and which other servers it may reach. nats-server, and in a cluster network
/// policies, refuse everything else.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// For people: what the function does, in a line.
    pub about: &'static str,
    /// Subjects that it publishes on.
    pub publishes: &'static [&'static str],
    /// Streams whose state and single messages it asks for.
    pub asks: &'static [&'static str],
    /// Streams that it reads with consumers as well.
    pub reads: &'static [&'static str],
    /// Buckets that it reads and writes.
    pub writes_buckets: &'static [&'static str],
    /// Buckets that it only reads.
    pub reads_buckets: &'static [&'static str],
    /// Streams from which it removes messages.
    pub purges: &'static [&'static str],
    /// Streams of which it deletes single messages.
    pub deletes: &'static [&'static str],
    /// Servers of others that it connects to.
    pub reaches: &'static [Reach],
}

/// Servers of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The partners' folders.
    Sftp,
    /// Mail servers and providers of text messages.
    Providers,
    /// Endpoints of shops, over HTTPS.
    Web,
}

impl Rights {
    /// None but the answers that everybody hears.
    pub const NONE: Self = Self {
        about: "",
        publishes: &[],
        asks: &[],
        reads: &[],
        writes_buckets: &[],
        reads_buckets: &[],
        purges: &[],
        deletes: &[],
        reaches: &[],
    };

    /// An entry of the list `users` in nats-server's configuration: who logs in with `name` and `password`
    /// has these rights, and hears only answers. `password` is a quoted text or a `$VARIABLE`.
    #[must_use]
    pub fn user(&self, name: &str, password: &str) -> String {
        let Self { about, .. } = self;
        let subjects: String =
            self.subjects().iter().map(|subject| format!("          \"{subject}\"\n")).collect();
        format!(
            "      # {about}\n      {{ user: {name}, password: {password}, permissions: {{\n        \
             publish: {{ allow: [\n{subjects}        ] }}\n        subscribe: {{ allow: [\"_INBOX.>\"] }}\n      }} }}\n"
        )
    }

    /// The subjects that it may publish on, those of the JetStream API included. Who may make a consumer
    /// of a stream may also remove those of others: the server knows no smaller right. Every function reads the tokens
    /// that people made.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        let mut subjects: Vec<String> =
            self.publishes.iter().map(|subject| (*subject).to_owned()).collect();
        subjects.extend(self.writes_buckets.iter().map(|bucket| format!("$KV.{bucket}.>")));
        subjects.extend(self.asks.iter().flat_map(|stream| asks(stream)));
        for stream in self.reads {
            subjects.extend(reads(stream));
        }
        let own = self.writes_buckets.iter().chain(self.reads_buckets);
        for bucket in own.chain(&[TOKENS]) {
            let stream = format!("KV_{bucket}");
            subjects.extend(reads(&stream));
            // A key that is made looks in this way whether it was deleted.
            subjects.push(format!("$JS.API.DIRECT.GET.{stream}.>"));
        }
        let deletes = self.deletes.iter();
        subjects.extend(deletes.map(|stream| format!("$JS.API.STREAM.MSG.DELETE.{stream}")));
        subjects.extend(self.purges.iter().map(|stream| format!("$JS.API.STREAM.PURGE.{stream}")));
        subjects
    }
}

fn asks(stream: &str) -> [String; 2] {
    [format!("$JS.API.STREAM.INFO.{stream}"), format!("$JS.API.STREAM.MSG.GET.{stream}")]
}

fn reads(stream: &str) -> impl Iterator<Item = String> {
    let consumers = [
        format!("$JS.API.CONSUMER.*.{stream}"),
        format!("$JS.API.CONSUMER.*.{stream}.>"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"),
    ];
    asks(stream).into_iter().chain(consumers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{FILES_LEDGER, ORDERS};

    #[test]
    fn a_user_may_publish_what_is_listed_and_ask_for_what_it_reads() {
        let rights = Rights {
            about: "Sends.",
            publishes: &["orders"],
            reads: &[ORDERS],
            writes_buckets: &[FILES_LEDGER],
            purges: &[ORDERS],
            ..Rights::NONE
        };
        let subjects = rights.subjects();
        for subject in [
            "orders",
            "$JS.API.STREAM.MSG.GET.ORDERS",
            "$KV.FILES_LEDGER.>",
            "$JS.API.DIRECT.GET.KV_FILES_LEDGER.>",
            "$JS.API.STREAM.PURGE.ORDERS",
        ] {
            assert!(subjects.iter().any(|known| known == subject), "{subject}");
        }
    }
}
