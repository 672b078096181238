//! `nats-server` with JetStream, on loopback.

use crate::child::Child;
use crate::{Error, program};
use rustix::process::Signal;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program; `nats-server` from `PATH` when not given.
    pub binary: Option<PathBuf>,
    /// Folder of configuration and log; created if missing.
    pub dir: PathBuf,
    /// Folder of the streams; created if missing. Streams in it are served again.
    pub store_dir: PathBuf,
    /// The port; a free one if `None`.
    pub port: Option<u16>,
    /// Largest message in bytes; the server's default is 1 MiB.
    pub max_payload: Option<u32>,
    /// Its place in a cluster, if it belongs to one.
    pub member: Option<Member>,
    /// Sync each write to disk before it is confirmed; servers before 2.10 do not support this.
    pub sync_always: bool,
    /// TLS settings, if it uses TLS.
    pub tls: Option<Tls>,
    /// The block `authorization` or `accounts` of its configuration, with passwords: who may connect and do what.
    /// If not given, every client may connect and do everything. Stored in a file that only this user may read.
    pub users: Option<String>,
}

/// A server's certificate.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate file, in PEM format.
    pub certificate: PathBuf,
    /// The file with the private key.
    pub key: PathBuf,
    /// Clients may also connect without TLS.
    pub is_optional: bool,
}

/// A server's place in a cluster.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name, by which streams refer to their leader.
    pub name: String,
    /// The port for other members, on 127.0.0.1.
    pub port: u16,
    /// The ports on which it reaches the other members.
    pub routes: Vec<u16>,
    /// Routes lead through a proxy: members must not tell each other where a third member listens, or
    /// they would bypass the proxy.
    pub is_hidden: bool,
    /// The port for monitoring by HTTP (`/jsz`, `/healthz`).
    pub monitor: u16,
}

impl Settings {
    /// Everything under `dir`, any port, the installed program.
    #[must_use]
    pub fn under(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        let store_dir = dir.join("store");
        Self {
            binary: None,
            dir,
            store_dir,
            port: None,
            max_payload: None,
            member: None,
            sync_always: false,
            tls: None,
            users: None,
        }
    }
}

/// A running server.
pub type Server = crate::Server<Settings>;

/// Starts a server and waits until it is ready.
///
/// # Errors
/// If the program is missing, ends immediately, or is not ready in time.
pub fn start(settings: Settings) -> Result<Server, Error> {
    let binary = program::resolve(settings.binary.as_deref(), "nats-server", "nats-server")?;
    for dir in [&settings.dir, &settings.store_dir] {
        fs::create_dir_all(dir).map_err(Error::file("create", dir))?;
    }
    let port = settings.port;
    Server::start(settings, binary, port, launch)
}

impl Server {
    /// `nats://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// Asks the server to move its clients to other servers and then to end, like a pod is asked
    /// (`SIGUSR2`, lame duck mode). With the settings of `k8s/base`, which cluster members use, this
    /// takes up to 30 s.
    pub fn retire(&self) {
        self.child.signal(Signal::USR2);
    }

    /// Folder of the streams.
    #[must_use]
    pub fn store_dir(&self) -> &Path {
        &self.home.store_dir
    }
}

fn launch(settings: &Settings, binary: &Path, port: u16) -> Result<Child, Error> {
    let ports_dir = settings.dir.join("ports");
    // A file of an earlier process could have the pid of the new one in its name.
    drop(fs::remove_dir_all(&ports_dir));
    fs::create_dir_all(&ports_dir).map_err(Error::file("create", &ports_dir))?;
    let config = settings.dir.join("nats-server.conf");
    fs::write(&config, render(settings, port, &ports_dir.display().to_string()))
        .map_err(Error::file("write", &config))?;
    let users = settings.dir.join(USERS);
    write_users(settings, &users).map_err(Error::file("write", &users))?;
    let args = [OsString::from("-c"), config.into_os_string()];
    let mut child = Child::start(binary, &args, &settings.dir.join("nats-server.log"))?;
    // The server writes this file when it is ready; the name contains its program and pid.
    let suffix = format!("_{}.ports", child.pid());
    child.wait_until(|| {
        fs::read_dir(&ports_dir)
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().ends_with(&suffix))
    })?;
    Ok(child)
}

/// The file with the users, next to the configuration that includes it.
const USERS: &str = "users.conf";

/// The content is never readable for other users, not even for a moment.
fn write_users(settings: &Settings, path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let Some(users) = &settings.users else { return Ok(()) };
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(users.as_bytes())
}

/// Without a configured limit, nats-server may use three quarters of the space that is free at its
/// start. Up to 2.9, already stored data counts against that, and everything may be refused.
const STORE_MAX: &str = "1PB";

/// JSON strings are valid strings of the configuration language, so paths are written as JSON.
fn render(settings: &Settings, port: u16, ports_dir: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let store = quoted(&settings.store_dir.display().to_string());
    let name = settings.member.as_ref().map_or("orderflow", |member| &member.name);
    let sync = if settings.sync_always { ", sync_interval: always" } else { "" };
    let mut config = format!(
        "server_name: {}\nlisten: \"127.0.0.1:{port}\"\nports_file_dir: {}\n\
         jetstream {{ store_dir: {store}, max_file_store: {STORE_MAX}{sync} }}\n",
        quoted(name),
        quoted(ports_dir)
    );
    if let Some(member) = &settings.member {
        let routes: Vec<String> =
            member.routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        // No process listens on port 1, so members cannot connect to each other directly.
        let advertise = if member.is_hidden { "advertise: \"127.0.0.1:1\", " } else { "" };
        // The same as in k8s/base.
        config.push_str(&format!(
            "http: \"127.0.0.1:{}\"\nlame_duck_grace_period: 5s\nlame_duck_duration: 30s\n\
             cluster {{ name: orderflow, listen: \"127.0.0.1:{}\", no_advertise: true, \
             {advertise}routes: [{}] }}\n",
            member.monitor,
            member.port,
            routes.join(", ")
        ));
    }
    if let Some(tls) = &settings.tls {
        let [certificate, key] =
            [&tls.certificate, &tls.key].map(|path| quoted(&path.display().to_string()));
        config.push_str(&format!(
            "tls {{ cert_file: {certificate}, key_file: {key} }}\nallow_non_tls: {}\n",
            tls.is_optional
        ));
    }
    if settings.users.is_some() {
        config.push_str(&format!("include {USERS}\n"));
    }
    if let Some(bytes) = settings.max_payload {
        config.push_str(&format!("max_payload: {bytes}\n"));
    }
    config
}
