#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod connect;
mod failure;
mod policy;
mod request;
mod resolve;
mod settings;

pub use answer::{Answer, End};
pub use connect::BuildError;
pub use failure::Failure;
pub use policy::Policy;
pub use request::Request;
pub use resolve::{Resolve, SystemResolver};
pub use settings::{Limits, Settings};

use bytes::Bytes;
use connect::Connector;
use http_body_util::Full;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Shorter than the time after which most servers close idle connections, so that few calls hit a
/// closed one.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
const IDLE_PER_HOST_MAX: usize = 4;
/// hyper reads up to twice this before it checks the length.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const HEADERS_MAX: usize = 64;

/// An HTTP client with guards. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: hyper_util::client::legacy::Client<Connector, Full<Bytes>>,
    policy: Policy,
    limits: Limits,
}

impl Client {
    /// Creates a client without connections.
    ///
    /// # Errors
    /// If there is no certificate authority to trust.
    pub fn new(settings: Settings) -> Result<Self, BuildError> {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .http1_max_headers(HEADERS_MAX)
            .build(connect::connector(&settings)?);
        Ok(Self { http, policy: settings.policy, limits: settings.limits })
    }

    /// Checks whether `url` may be called, as far as possible without resolving its name: for use when
    /// somebody enters a URL. Every call checks again.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the rule.
    pub fn check(&self, url: &str) -> Result<(), Failure> {
        self.policy.target(url).map(drop)
    }

    /// Sends a request once and reads the answer, whatever its status.
    ///
    /// # Errors
    /// If the head of an answer did not arrive; [`Failure`] says whether the request may have arrived.
    pub async fn send(&self, request: Request) -> Result<Answer, Failure> {
        let end = Instant::now() + self.limits.whole;
        let target = self.policy.target(&request.url)?;
        let mut request = request.into_http(&target)?;
        let mut connection = capture_connection(&mut request);
        // Until there is a connection, the connector's own limits apply.
        let late = async {
            drop(connection.wait_for_connection_metadata().await);
            sleep_until(end.min(Instant::now() + self.limits.head)).await;
        };
        let response = tokio::select! {
            response = self.http.request(request) => {
                response.map_err(|error| connect::failure(target.shown, &error))?
            }
            () = late => {
                let why = format!("no answer within {:?}", self.limits.head.min(self.limits.whole));
                return Err(Failure::Unknown { url: target.shown, why });
            }
        };
        Ok(Answer::read(response, self.limits.body_bytes, end).await)
    }
}
