//! The data directory: what is where, who runs in it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use terminal::Failure;

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

/// `run.json`: what runs here, for other commands and for tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Of `up`.
    pub pid: u32,
    /// `http://127.0.0.1:8080`; empty where there is none.
    pub gateway: String,
    /// Functions that are called at an address of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, String>,
    /// `nats://setup:…@127.0.0.1:…`, with the login of the user who may do everything, so that `run.json` is
    /// for this user only; without one where others run NATS and ask for none.
    pub nats: String,
    /// On 127.0.0.1.
    pub sftp_port: u16,
    /// `http://127.0.0.1:…`, of `up --with prometheus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<String>,
    /// The partners.yml of the user that `up` follows; nothing where it has the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partners_file: Option<PathBuf>,
    /// Everything that runs, by name; in one process with `up` where the pid is the same.
    pub processes: BTreeMap<String, Process>,
}

/// `site.json`: an installation elsewhere, written by an operator.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    #[serde(default)]
    gateway: String,
    /// By name, where no gateway is, or another way is wanted.
    #[serde(default)]
    functions: BTreeMap<String, String>,
    nats: String,
}

/// One of [`Run::processes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Of the process that it runs in.
    pub pid: u32,
    /// Where it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<SocketAddr>,
    /// Where its `/metrics` are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
    /// How often it was started again.
    pub restarts: u64,
}

impl Run {
    /// Where `path` is called: a function's name, and what follows it.
    ///
    /// # Errors
    /// There is neither a gateway nor an address of that function.
    pub fn url(&self, path: &str) -> Result<String> {
        let end = path.find(['/', '?']).unwrap_or(path.len());
        let (function, rest) = path.split_at(end);
        if let Some(address) = self.functions.get(function) {
            let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
            return Ok(format!("{}{rest}", address.trim_end_matches('/')));
        }
        if self.gateway.is_empty() {
            bail!(
                "{function} cannot be asked: site.json has neither \"gateway\" nor an address of it. Where \
                 there is no gateway: kubectl -n openfaas-fn port-forward service/{function} 8082:8080, and \
                 \"functions\": {{\"{function}\": \"http://127.0.0.1:8082\"}} in site.json"
            );
        }
        Ok(format!("{}/function/{path}", self.gateway.trim_end_matches('/')))
    }
}

impl DataDir {
    /// The one at this path, which need not be there.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes the directory and gives it as an absolute path.
    pub fn create(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("cannot create {}", root.display()))?;
        let root =
            root.canonicalize().with_context(|| format!("cannot find {}", root.display()))?;
        let dir = Self { root };
        for path in [dir.logs(), dir.listen()] {
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
        }
        // Orders, files of partners and secrets are for this user only, also where an earlier release
        // made the folder for everyone.
        for path in [dir.secrets(), dir.sftp(), dir.nats(), dir.logs()] {
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700))
                .with_context(|| format!("cannot protect {}", path.display()))?;
        }
        Ok(dir)
    }

    /// Its path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What every part writes.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Where child processes tell their ports.
    pub fn listen(&self) -> PathBuf {
        self.root.join("listen")
    }

    /// The partners' folders.
    pub fn sftp(&self) -> PathBuf {
        self.root.join("sftp")
    }

    /// nats-server, with its store and its log.
    #[must_use]
    pub fn nats(&self) -> PathBuf {
        self.root.join("nats")
    }

    /// When each schedule was followed last.
    pub fn schedules(&self) -> PathBuf {
        self.root.join("schedules.json")
    }

    /// One file for each secret.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.root.join("secrets")
    }

    /// What is kept of a function that was deployed.
    pub fn deployment(&self, name: &str) -> PathBuf {
        self.root.join("deployments").join(name)
    }

    /// The secrets of a function that was deployed.
    pub fn deployment_secrets(&self, name: &str) -> PathBuf {
        self.deployment(name).join("secrets")
    }

    /// The partners with their folders here, as the functions read them.
    #[must_use]
    pub fn partners(&self) -> PathBuf {
        self.root.join("partners.yml")
    }

    fn run(&self) -> PathBuf {
        self.root.join("run.json")
    }

    fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Keeps every other `up` out of this directory while the file is open.
    pub fn lock(&self) -> Result<File> {
        let path = self.lock_path();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                let pid = self.last_run().map(|run| format!(" (process {})", run.pid));
                let pid = pid.unwrap_or_default();
                bail!("orderflow up runs already in {}{pid}", self.root.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// What runs here now, or what `site.json` says that runs elsewhere.
    ///
    /// Fails with [`Failure::NotRunning`] when nothing does, whatever a killed `up` left behind.
    pub fn running(&self) -> Result<Run> {
        let path = self.root.join("site.json");
        if let Ok(text) = fs::read(&path) {
            let Elsewhere { gateway, functions, nats } = serde_json::from_slice(&text)
                .with_context(|| format!("cannot understand {}", path.display()))?;
            return Ok(Run { gateway, functions, nats, ..Run::default() });
        }
        let nothing = || Failure::NotRunning { dir: self.root.clone() };
        let lock = File::open(self.lock_path()).map_err(|_| nothing())?;
        match lock.try_lock_shared() {
            Ok(()) => Err(nothing().into()),
            Err(TryLockError::WouldBlock) => self.last_run().ok_or_else(|| nothing().into()),
            Err(TryLockError::Error(error)) => {
                Err(error).context("cannot see whether something is running")
            }
        }
    }

    /// What `up` last wrote, whether it still runs or not. Takes no lock, so that it may be asked again and again.
    pub fn last_run(&self) -> Option<Run> {
        serde_json::from_slice(&fs::read(self.run()).ok()?).ok()
    }

    /// Says what runs here.
    pub fn write_run(&self, run: &Run) -> Result<()> {
        let text = serde_json::to_vec_pretty(run).expect("its keys are strings");
        write_atomic(&self.run(), &text, 0o600)
    }

    /// For the command `nats`: the address with the login of the user who may do everything.
    #[must_use]
    pub fn nats_url(&self) -> PathBuf {
        self.root.join("nats.url")
    }

    /// Says where NATS is, for this user only.
    pub fn write_nats_url(&self, url: &str) -> Result<()> {
        write_atomic(&self.nats_url(), url.as_bytes(), 0o600)
    }

    /// Nothing runs here any longer.
    pub fn remove_run(&self) {
        // They may never have been written.
        drop(fs::remove_file(self.run()));
        drop(fs::remove_file(self.nats_url()));
    }

    /// A secret as text.
    pub fn secret(&self, name: &str) -> Result<String> {
        let path = self.secrets().join(name);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Writes a secret, readable for this user only.
    pub fn write_secret(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        write_atomic(&self.secrets().join(name), content.as_ref(), 0o600)
    }
}

/// Whole or not at all.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let write = || {
        let mut options = File::options();
        options.create(true).truncate(true).write(true).mode(mode);
        let mut file = options.open(&part)?;
        file.write_all(bytes)?;
        // Otherwise a file without content may be what a power loss leaves under the name.
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_up_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        let not_running = |dir: &DataDir| {
            let error = dir.running().unwrap_err();
            matches!(error.downcast_ref(), Some(Failure::NotRunning { .. }))
        };
        assert!(not_running(&dir));
        let lock = dir.lock().unwrap();
        let run = Run { pid: 7, ..Run::default() };
        dir.write_run(&run).unwrap();
        assert_eq!(dir.running().unwrap(), run);
        assert!(dir.lock().unwrap_err().to_string().contains("(process 7)"));
        drop(lock);
        assert!(not_running(&dir), "what a killed process left behind does not count");
        drop(dir.lock().unwrap());
    }

    #[test]
    fn a_directory_may_stand_for_an_installation_elsewhere() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::at(temp.path());
        let write = |text: &str| fs::write(temp.path().join("site.json"), text).unwrap();
        write(r#"{"gateway": "http://gateway:8080", "nats": "nats://nats"}"#);
        let run = dir.running().unwrap();
        assert_eq!(
            (run.gateway.as_str(), run.nats.as_str()),
            ("http://gateway:8080", "nats://nats")
        );
        assert_eq!(run.url("a/stock?b=c").unwrap(), "http://gateway:8080/function/a/stock?b=c");
        write(r#"{"functions": {"a": "http://127.0.0.1:8082"}, "nats": "nats://nats"}"#);
        let run = dir.running().unwrap();
        for (path, expected) in
            [("a", "/"), ("a?b=c", "/?b=c"), ("a/stock?b=c", "/stock?b=c"), ("a/", "/")]
        {
            assert_eq!(run.url(path).unwrap(), format!("http://127.0.0.1:8082{expected}"));
        }
        let error = run.url("other/stock").unwrap_err().to_string();
        assert!(error.contains("port-forward service/other 8082:8080"), "{error}");
        write(r#"{"nats": "n", "gatway": "http://gateway:8080"}"#);
        let error = format!("{:#}", dir.running().unwrap_err());
        assert!(error.contains("unknown field `gatway`"), "{error}");
        write(r#"{"gateway": "http://gateway:8080"}"#);
        let error = format!("{:#}", dir.running().unwrap_err());
        assert!(error.contains("site.json: missing field `nats`"), "{error}");
    }

    #[test]
    fn what_is_kept_is_for_this_user_only() {
        let temp = tempfile::tempdir().unwrap();
        // As an earlier release made it.
        fs::create_dir(temp.path().join("sftp")).unwrap();
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(temp.path().join("sftp"), open).unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        dir.write_secret("a", "x\n").unwrap();
        assert_eq!(dir.secret("a").unwrap(), "x");
        let private = [dir.secrets(), dir.sftp(), dir.nats(), dir.logs()].map(|path| (path, 0o700));
        dir.write_run(&Run::default()).unwrap();
        dir.write_nats_url("nats://setup:x@nats").unwrap();
        let files = [dir.secrets().join("a"), dir.run(), dir.nats_url()].map(|path| (path, 0o600));
        for (path, mode) in private.into_iter().chain(files) {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
        }
    }
}
