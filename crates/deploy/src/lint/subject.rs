//! What a stack is held against.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// How long `orderflow up` and the chart's gateway wait for a function.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(60);

/// What a stack is held against.
#[derive(Debug)]
pub struct Subject {
    /// Where it lies: `faas-cli` looks for templates, handlers and copies from here.
    pub folder: PathBuf,
    /// The file of partners; without it what it says is not compared.
    pub partners: Option<PathBuf>,
    /// A folder with one file for each secret; without it nobody looks whether they are there.
    pub secrets: Option<PathBuf>,
    /// How long the gateway waits for a function.
    pub gateway_timeout: Duration,
    /// Schedules that never come after this are found.
    pub now: DateTime<Utc>,
}

impl Subject {
    /// A stack at `path` that runs on this machine, with these partners.
    #[must_use]
    pub fn here(path: &Path, partners: Option<&Path>, now: DateTime<Utc>) -> Self {
        Self {
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            partners: partners.map(Path::to_owned),
            secrets: None,
            gateway_timeout: GATEWAY_TIMEOUT,
            now,
        }
    }
}
