//! Prometheus, on loopback.

use crate::child::Child;
use crate::{Error, program};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// What it writes to its log when it is ready.
const READY: &str = "Server is ready to receive web requests";

/// How to start Prometheus.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program; `prometheus` from `PATH` when not given.
    pub binary: Option<PathBuf>,
    /// Folder of its data and log; created if missing.
    pub dir: PathBuf,
    /// Its configuration file, which must exist.
    pub config: PathBuf,
    /// The port; a free one if `None`.
    pub port: Option<u16>,
}

/// A running Prometheus.
pub type Server = crate::Server<Settings>;

/// Starts Prometheus and waits until it is ready.
///
/// # Errors
/// If the program is missing, ends immediately (for example because of its configuration), or is not
/// ready in time.
pub fn start(settings: Settings) -> Result<Server, Error> {
    let binary = program::resolve(settings.binary.as_deref(), "prometheus", "prometheus")?;
    fs::create_dir_all(&settings.dir).map_err(Error::file("create", &settings.dir))?;
    let port = settings.port;
    Server::start(settings, binary, port, launch)
}

impl Server {
    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}

fn launch(settings: &Settings, binary: &Path, port: u16) -> Result<Child, Error> {
    let named = |name: &str, value: &Path| {
        let mut argument = OsString::from(name);
        argument.push(value);
        argument
    };
    let args = [
        named("--config.file=", &settings.config),
        named("--storage.tsdb.path=", &settings.dir.join("data")),
        format!("--web.listen-address=127.0.0.1:{port}").into(),
    ];
    let log = settings.dir.join("prometheus.log");
    // Earlier lines of the log are from an earlier process.
    let before = fs::metadata(&log).map_or(0, |meta| meta.len());
    let mut child = Child::start(binary, &args, &log)?;
    child.wait_until(|| {
        let text = fs::read(&log).unwrap_or_default();
        let new = usize::try_from(before).ok().and_then(|before| text.get(before..));
        String::from_utf8_lossy(new.unwrap_or_default()).contains(READY)
    })?;
    Ok(child)
}
