//! What a client is made of.

use crate::policy::Policy;
use crate::resolve::{Resolve, SystemResolver};
use runtime::Env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a [`crate::Client`] is made.
#[derive(Clone)]
pub struct Settings {
    /// Where calls may go.
    pub policy: Policy,
    /// How long they may take.
    pub limits: Limits,
    /// Who finds addresses of names; default [`SystemResolver`].
    pub resolver: Arc<dyn Resolve>,
    /// A PEM file with all certificate authorities that are trusted. Default: those of the operating system,
    /// or of the file that `SSL_CERT_FILE` names.
    pub certificates: Option<PathBuf>,
}

/// Limits of one call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one address to accept; then the next one is tried.
    pub dial: Duration,
    /// For a connection: finding addresses, all of them tried, TLS.
    pub connect: Duration,
    /// From the connection to the end of the answer's head.
    pub head: Duration,
    /// For all of it.
    pub whole: Duration,
    /// Most of an answer's body that is read.
    pub body_bytes: usize,
}

/// 3 s, 10 s, 15 s and 30 s; 64 KiB.
impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let (dial, connect, head, whole) = (seconds(3), seconds(10), seconds(15), seconds(30));
        Self { dial, connect, head, whole, body_bytes: 64 * 1024 }
    }
}

impl Settings {
    /// The allow-lists of [`Policy::from_env`], and defaults.
    pub fn from_env(env: &mut Env) -> Self {
        let (policy, limits) = (Policy::from_env(env), Limits::default());
        Self { policy, limits, resolver: Arc::new(SystemResolver), certificates: None }
    }
}
