//! Prometheus, on loopback.

use crate::child::Child;
use crate::{Error, port, program};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// What it writes into its log once it answers.
const READY: &str = "Server is ready to receive web requests";

/// How to start it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program; `prometheus` from `PATH` when not given.
    pub binary: Option<PathBuf>,
    /// Folder of its data and log; made if missing.
    pub dir: PathBuf,
    /// Its configuration, which exists.
    pub config: PathBuf,
    /// A free one when not given.
    pub port: Option<u16>,
}

/// A running Prometheus; killed when dropped.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    binary: PathBuf,
    port: u16,
    child: Child,
}

/// Starts it and waits until it answers.
///
/// # Errors
/// The program is missing, ends at once (a configuration that it cannot read), or is not ready in time.
pub fn start(settings: Settings) -> Result<Server, Error> {
    let binary = program::resolve(settings.binary.as_deref(), "prometheus", "prometheus")?;
    fs::create_dir_all(&settings.dir).map_err(Error::file("create", &settings.dir))?;
    let (port, child) = port::claim(settings.port, |port| launch(&settings, &binary, port))?;
    Ok(Server { settings, binary, port, child })
}

impl Server {
    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Does the process live?
    pub fn is_running(&mut self) -> bool {
        self.child.is_running()
    }

    /// Where it writes what happens.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        log(&self.settings.dir)
    }

    /// Ends it in an orderly way; after five seconds by signal 9.
    pub fn stop(&mut self) {
        self.child.stop();
    }

    /// Starts it again on the same port with the same data; kills it first if it runs.
    ///
    /// # Errors
    /// As [`start`].
    pub fn restart(&mut self) -> Result<(), Error> {
        self.child.kill();
        self.child = launch(&self.settings, &self.binary, self.port)?;
        Ok(())
    }
}

fn log(dir: &Path) -> PathBuf {
    dir.join("prometheus.log")
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
    let log = log(&settings.dir);
    // What stands there was written by an earlier process.
    let before = fs::metadata(&log).map_or(0, |meta| meta.len());
    let mut child = Child::start(binary, &args, &log)?;
    child.wait_until(|| {
        let text = fs::read(&log).unwrap_or_default();
        let new = usize::try_from(before).ok().and_then(|before| text.get(before..));
        String::from_utf8_lossy(new.unwrap_or_default()).contains(READY)
    })?;
    Ok(child)
}
