//! The settings of the shell, the same for every function.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::doorman::Connections;
use crate::env::Env;

/// How a function is served. `Default` has the defaults of the variables.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// `ORDERFLOW_BIND` (0.0.0.0): the address of both ports.
    pub bind: IpAddr,
    /// `ORDERFLOW_PORT` (8080; 0 = any free port).
    pub port: u16,
    /// `ORDERFLOW_METRICS_PORT` (8081; 0 = any free port).
    pub metrics_port: u16,
    /// `ORDERFLOW_LISTEN_FILE`: the file that gets `{"traffic":"…","metrics":"…","pid":…}` once both
    /// ports are bound.
    pub listen_file: Option<PathBuf>,
    /// `ORDERFLOW_MEMORY_MIB` (default: the limit of the pod, else 256): bytes that the process may
    /// use. The memory for bodies of requests is derived from it.
    pub memory: Option<u64>,
    /// `ORDERFLOW_BODY_BYTES_MAX` (8 MiB): a larger body from the connector is answered with 413. For
    /// others, the limit of the route applies.
    pub body_bytes_max: u64,
    /// `ORDERFLOW_IN_FLIGHT_MAX` (64): more concurrent requests of the connector are answered with 429.
    /// The same limit applies separately to people with a token.
    pub in_flight_max: NonZeroUsize,
    /// `ORDERFLOW_OPEN_IN_FLIGHT_MAX` (16): the same for requests to open routes without a token.
    pub open_in_flight_max: NonZeroUsize,
    /// `ORDERFLOW_CONNECTIONS_MAX` (256): for a further connection, the oldest one whose last request
    /// had no valid token is closed; if there is none, the new one waits.
    pub connections_max: NonZeroUsize,
    /// `ORDERFLOW_GRACE_SECONDS` (5): how long requests are accepted after SIGTERM.
    pub grace: Duration,
    /// `ORDERFLOW_DRAIN_SECONDS` (20): how long requests in progress may then take to finish.
    pub drain: Duration,
    /// `ORDERFLOW_HEADER_SECONDS` (10): how long a client may take for the head of a request.
    pub header_timeout: Duration,
    /// `ORDERFLOW_BODY_SECONDS` (30, at most 5 without a token): how long a client may take for the
    /// body before it gets 408.
    pub body_timeout: Duration,
    /// `ORDERFLOW_IDLE_SECONDS` (75): how long a connection is kept between two requests.
    pub idle_timeout: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 8080,
            metrics_port: 8081,
            listen_file: None,
            memory: None,
            body_bytes_max: 8 * 1024 * 1024,
            in_flight_max: IN_FLIGHT_MAX,
            open_in_flight_max: OPEN_IN_FLIGHT_MAX,
            connections_max: CONNECTIONS_MAX,
            grace: Duration::from_secs(5),
            drain: Duration::from_secs(20),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
        }
    }
}

const IN_FLIGHT_MAX: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");
const OPEN_IN_FLIGHT_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");
const CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not 0");

impl ServerSettings {
    /// Free ports on the loopback address: for several functions in one process.
    pub fn ephemeral() -> Self {
        let bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { bind, port: 0, metrics_port: 0, ..Self::default() }
    }

    /// Reads the variables named at the fields; problems are kept in `env` until its `finish`.
    pub fn from_env(env: &mut Env) -> Self {
        let default = Self::default();
        let settings = Self {
            bind: env.or("ORDERFLOW_BIND", default.bind),
            port: env.or("ORDERFLOW_PORT", default.port),
            metrics_port: env.or("ORDERFLOW_METRICS_PORT", default.metrics_port),
            listen_file: env.optional("ORDERFLOW_LISTEN_FILE"),
            memory: env.optional::<NonZeroU64>("ORDERFLOW_MEMORY_MIB").map(mebibytes),
            body_bytes_max: env.or("ORDERFLOW_BODY_BYTES_MAX", default.body_bytes_max),
            in_flight_max: env.or("ORDERFLOW_IN_FLIGHT_MAX", default.in_flight_max),
            open_in_flight_max: env.or("ORDERFLOW_OPEN_IN_FLIGHT_MAX", default.open_in_flight_max),
            connections_max: env.or("ORDERFLOW_CONNECTIONS_MAX", default.connections_max),
            grace: env.seconds("ORDERFLOW_GRACE_SECONDS", default.grace),
            drain: env.seconds("ORDERFLOW_DRAIN_SECONDS", default.drain),
            header_timeout: env.seconds("ORDERFLOW_HEADER_SECONDS", default.header_timeout),
            body_timeout: env.seconds("ORDERFLOW_BODY_SECONDS", default.body_timeout),
            idle_timeout: env.seconds("ORDERFLOW_IDLE_SECONDS", default.idle_timeout),
        };
        if settings.port != 0 && settings.port == settings.metrics_port {
            env.problem("ORDERFLOW_METRICS_PORT", "the same as ORDERFLOW_PORT");
        }
        for (name, max) in [
            ("ORDERFLOW_IN_FLIGHT_MAX", settings.in_flight_max),
            ("ORDERFLOW_OPEN_IN_FLIGHT_MAX", settings.open_in_flight_max),
            ("ORDERFLOW_CONNECTIONS_MAX", settings.connections_max),
        ] {
            if AT_A_TIME_MAX < max.get() {
                env.problem(name, format!("{max}: more than {AT_A_TIME_MAX}"));
            }
        }
        settings
    }

    /// Limits for connections.
    pub(crate) fn connections(&self) -> Connections {
        Connections {
            max: self.connections_max,
            head_time_max: self.header_timeout,
            idle_time_max: self.idle_timeout,
        }
    }
}

fn mebibytes(number: NonZeroU64) -> u64 {
    number.get().saturating_mul(1024 * 1024)
}

/// Largest accepted limit of connections or requests.
const AT_A_TIME_MAX: usize = 65_536;
