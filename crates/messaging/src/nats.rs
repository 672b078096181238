//! The connection.

use crate::link::Link;
use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an acknowledgement or an answer of the JetStream API.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Publishes that may wait for their acknowledgement at once.
pub const IN_FLIGHT_MAX: usize = 4_000;

/// A connection to NATS and its JetStream context.
#[derive(Clone, Debug)]
pub struct Nats {
    /// The connection.
    pub client: Client,
    /// JetStream on it.
    pub js: jetstream::Context,
    /// What the connection said about itself.
    pub link: Arc<Link>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to NATS at {hosts}")]
pub struct ConnectError {
    hosts: String,
    #[source]
    source: async_nats::ConnectError,
}

impl Nats {
    /// Connects to `url`, or to the first of several that answers, separated by commas; as the user
    /// that one of them names (`nats://USER:PASSWORD@HOST`). Tries again for as long as it takes when
    /// `wait` is set; afterwards the client reconnects by itself for ever, at most every 4 s.
    ///
    /// # Errors
    /// The first attempt failed and `wait` is not set.
    pub async fn connect(url: &str, name: &str, wait: bool) -> Result<Self, ConnectError> {
        let link = Arc::new(Link::default());
        let noting = Arc::clone(&link);
        let mut options = options(name).event_callback(move |event| {
            noting.note(&event);
            async move { log(&event) }
        });
        if wait {
            options = options.retry_on_initial_connect();
        }
        let urls: Vec<&str> = url.split(',').map(str::trim).collect();
        if let Some((user, password)) = urls.iter().find_map(|url| credentials(url)) {
            options = options.user_and_password(user, password);
        }
        let client = options
            .connect(urls)
            .await
            .map_err(|source| ConnectError { hosts: hosts(url), source })?;
        let js = ContextBuilder::new()
            .timeout(TIMEOUT)
            .ack_timeout(TIMEOUT)
            .max_ack_inflight(IN_FLIGHT_MAX)
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok(Self { client, js, link })
    }

    /// Is the connection up, and does JetStream answer? For readiness.
    ///
    /// # Errors
    /// What does not answer.
    pub async fn ready(&self) -> Result<(), String> {
        match self.client.connection_state() {
            async_nats::connection::State::Connected => Ok(()),
            state => Err(format!("NATS is {state}")),
        }
    }

    /// A text that no other client makes.
    #[must_use]
    pub fn unique(&self) -> String {
        // An inbox is a prefix and such a text.
        let inbox = self.client.new_inbox();
        inbox.rsplit('.').next().unwrap_or(&inbox).to_owned()
    }

    /// Largest message that the server takes, in bytes, headers included; its default before the
    /// first connection.
    #[must_use]
    pub fn message_bytes_max(&self) -> usize {
        self.client.max_payload()
    }
}

/// The user that a URL names, at whom the client itself does not look.
fn credentials(url: &str) -> Option<(String, String)> {
    let address: ServerAddr = url.parse().ok()?;
    Some((address.username()?.to_owned(), address.password()?.to_owned()))
}

/// The addresses without users and passwords.
fn hosts(urls: &str) -> String {
    let host = |url: &str| url.rsplit('@').next().map(|host| host.trim().to_owned());
    urls.split(',').filter_map(host).collect::<Vec<_>>().join(", ")
}

fn options(name: &str) -> ConnectOptions {
    ConnectOptions::new()
        .name(name)
        // However long the server is away.
        .max_reconnects(None)
        .ping_interval(Duration::from_secs(10))
        .request_timeout(Some(TIMEOUT))
        .subscription_capacity(64 * 1024)
}

fn log(event: &Event) {
    match event {
        Event::Connected | Event::Draining | Event::Closed => tracing::info!(%event, "nats"),
        // Permission errors reach the program only here.
        Event::Disconnected
        | Event::LameDuckMode
        | Event::SlowConsumer(_)
        | Event::ServerError(_)
        | Event::ClientError(_) => tracing::warn!(%event, "nats"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_a_user_whom_no_error_repeats() {
        let expected = Some(("me".to_owned(), "secret".to_owned()));
        assert_eq!(credentials("nats://me:secret@nats:4222"), expected);
        assert_eq!(credentials("nats://nats:4222"), None);
        assert_eq!(credentials("nats://token@nats:4222"), None);
        assert_eq!(hosts("nats://me:secret@a:4222, nats://b"), "a:4222, nats://b");
    }

    #[test]
    fn a_server_that_is_away_is_never_given_up() {
        let shown = format!("{:?}", options("test"));
        assert!(shown.contains("\"max_reconnects\": None"), "{shown}");
    }
}
