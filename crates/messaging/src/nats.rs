//! The connection.

use crate::address::{Address, AddressError, Login};
use crate::guard::Guard;
use crate::link::Link;
use async_nats::jetstream::context::{ContextBuilder, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ReconnectToServer, ServerAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

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

/// Why there is no connection. It shows neither user nor password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL cannot be read.
    #[error("cannot connect to NATS")]
    Address(#[from] AddressError),
    /// The server does not answer, or refuses.
    #[error("cannot connect to NATS at {address}")]
    Refused {
        /// Where it was asked.
        address: Address,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ConnectError {
    /// Does another attempt meet the same? The URL cannot be read, or the server refuses the login.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Address(_) => true,
            Self::Refused { source, .. } => source.downcast_ref().is_some_and(refuses_login),
        }
    }
}

fn refuses_login(error: &async_nats::ConnectError) -> bool {
    use async_nats::ConnectErrorKind::{Authentication, AuthorizationViolation};
    matches!(error.kind(), Authentication | AuthorizationViolation)
}

impl Nats {
    /// Connects to `url`, or to the first of several that answers, separated by commas; as the user
    /// that one of them names (`nats://USER:PASSWORD@HOST`, or `nats://TOKEN@HOST`, with percent forms
    /// where they are needed). Tries again for as long as it takes when `wait` is set; afterwards the
    /// client reconnects by itself for ever, at most every 4 s.
    ///
    /// # Errors
    /// The URL cannot be read, or no server took the connection and `wait` is not set.
    pub async fn connect(url: &str, name: &str, wait: bool) -> Result<Self, ConnectError> {
        let address = Address::parse(url)?;
        let link = Arc::new(Link::default());
        let noting = Arc::clone(&link);
        let mut options = options(name).event_callback(move |event| {
            noting.note(&event);
            async move { log(&event) }
        });
        if wait {
            options = options.retry_on_initial_connect();
        }
        options = match address.login().cloned() {
            Some(Login::User { name, password }) => options.user_and_password(name, password),
            Some(Login::Token(token)) => options.token(token),
            None => options,
        };
        let client = match guarded(options, &address).await {
            Ok(client) => client,
            Err(source) => return Err(ConnectError::Refused { address, source }),
        };
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

/// How long a stream's members may take to choose a leader until a question is given up.
const ELECTION: Duration = Duration::from_secs(5);
/// How long is waited before they are asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// Asks again for 5 s while the answer is a refusal that passes by itself.
pub(crate) async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    ask: impl Fn() -> F,
    refusal: impl Fn(&E) -> Option<jetstream::Error>,
) -> Result<T, E> {
    let started = Instant::now();
    loop {
        match ask().await {
            Err(error)
                if started.elapsed() < ELECTION
                    && refusal(&error).is_some_and(|answer| is_without_leader(&answer)) =>
            {
                sleep(AGAIN).await;
            }
            answer => return answer,
        }
    }
}

/// Does it only want a leader? A stream that is not there may be made as well, but nobody waits for that.
fn is_without_leader(answer: &jetstream::Error) -> bool {
    passes(answer) && answer.error_code() != ErrorCode::STREAM_NOT_FOUND
}

/// A stream's handle and state, of its leader.
pub(crate) async fn stream(nats: &Nats, name: &str) -> Result<Stream, GetStreamError> {
    patiently(
        || nats.js.get_stream(name),
        |error| match error.kind() {
            GetStreamErrorKind::JetStream(answer) => Some(answer),
            _ => None,
        },
    )
    .await
}

/// Does the refusal pass by itself: when the cluster has a leader, or another client has finished?
pub(crate) fn passes(answer: &jetstream::Error) -> bool {
    const UNAVAILABLE: usize = 503;
    let passing = [
        ErrorCode::CLUSTER_NO_PEERS,
        ErrorCode::CLUSTER_NOT_ACTIVE,
        ErrorCode::CLUSTER_NOT_ASSIGNED,
        ErrorCode::CLUSTER_NOT_LEADER,
        ErrorCode::RAFT_GENERAL,
        ErrorCode::STREAM_ASSIGNMENT,
        ErrorCode::STREAM_MOVE_IN_PROGRESS,
        ErrorCode::STREAM_NOT_FOUND,
        ErrorCode::STREAM_OFFLINE,
    ];
    answer.code() == UNAVAILABLE || passing.contains(&answer.error_code())
}

/// Connects through a [`Guard`] that the client keeps. The client gets no login with
/// its addresses, so that nothing of it gets into what it says.
async fn guarded(
    options: ConnectOptions,
    address: &Address,
) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let servers = address.servers();
    let guard = Arc::new(Guard::start(&servers).await?);
    let choosing = Arc::clone(&guard);
    // Never to a server that others name: what it says would come past the guard.
    let options = options.ignore_discovered_servers().reconnect_to_server_callback(move |_, _| {
        let addr = choosing.next();
        async move { addr.map(|addr| ReconnectToServer { addr, delay: None }) }
    });
    let known: Vec<ServerAddr> = guard.servers().collect();
    // Each of them once.
    let mut attempts = servers.len();
    loop {
        let error = match options.clone().connect(known.clone()).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        attempts -= 1;
        if attempts == 0 || refuses_login(&error) {
            let is_away = error.kind() == ConnectErrorKind::Io;
            let failure = guard.failure().filter(|_| is_away);
            return Err(failure.map_or_else(|| error.into(), Into::into));
        }
    }
}

fn options(name: &str) -> ConnectOptions {
    ConnectOptions::new()
        .name(name)
        // However long the server is away.
        .max_reconnects(None)
        // A server that hangs, or is cut off from the others, is left after two of them.
        .ping_interval(Duration::from_secs(5))
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
    fn a_server_that_is_away_is_never_given_up() {
        let shown = format!("{:?}", options("test"));
        assert!(shown.contains("\"max_reconnects\": None"), "{shown}");
    }
}
