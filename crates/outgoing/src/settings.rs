//! Settings of a client.

use crate::policy::Policy;
use crate::resolve::{Resolve, SystemResolver};
use runtime::Env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`crate::Client`].
#[derive(Clone)]
pub struct Settings {
    /// Which addresses may be called.
    pub policy: Policy,
    /// Time-outs and sizes.
    pub limits: Limits,
    /// The resolver; default [`SystemResolver`].
    pub resolver: Arc<dyn Resolve>,
    /// A PEM file with all trusted certificate authorities. Default: those of the operating system, or
    /// those in the file `SSL_CERT_FILE`.
    pub certificates: Option<PathBuf>,
}

/// Limits of one call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one address to accept the connection; then the next address is tried.
    pub dial: Duration,
    /// For a connection: resolving the name, trying the addresses, TLS.
    pub connect: Duration,
    /// From the connection until the head of the answer is complete.
    pub head: Duration,
    /// For the whole call.
    pub whole: Duration,
    /// Most bytes of an answer's body that are read.
    pub body_bytes: usize,
}

/// `dial` 3 s, `connect` 10 s, `head` 15 s, `whole` 30 s, `body_bytes` 64 KiB.
impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let (dial, connect, head, whole) = (seconds(3), seconds(10), seconds(15), seconds(30));
        Self { dial, connect, head, whole, body_bytes: 64 * 1024 }
    }
}

impl Settings {
    /// Reads the allow-lists with [`Policy::from_env`]; the rest are defaults.
    pub fn from_env(env: &mut Env) -> Self {
        let (policy, limits) = (Policy::from_env(env), Limits::default());
        Self { policy, limits, resolver: Arc::new(SystemResolver), certificates: None }
    }
}
