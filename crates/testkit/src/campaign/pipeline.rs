//! `orderflow up --processes` as a child process, and access to its processes.

use super::plan::NATS;
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Parts of a log line.
const ERROR: &str = "\"level\":\"ERROR\"";
const WARNING: &str = "\"level\":\"WARN\"";
const CONNECTION: &str = "\"message\":\"nats\"";
/// How long `up` may take until everything is ready.
const READY_MAX: Duration = Duration::from_secs(180);
/// How long a command may take.
const COMMAND_MAX: Duration = Duration::from_secs(150);
/// How long `up` may take to end.
const END_MAX: Duration = Duration::from_secs(90);
/// How long a process may take to restart.
const RECOVERY_MAX: Duration = Duration::from_secs(150);
/// How long a process may take to answer that it is ready.
const ANSWER_MAX: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// A running `up`.
#[derive(Debug)]
pub(super) struct Pipeline {
    orderflow: PathBuf,
    work: PathBuf,
    up: Child,
    path: OsString,
}

/// The content of `run.json`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Run {
    pub(super) gateway: String,
    pub(super) nats: String,
    sftp_port: u16,
    pub(super) processes: BTreeMap<String, Process>,
}

/// One of its processes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Process {
    pub(super) pid: i32,
    #[serde(default)]
    pub(super) traffic: Option<SocketAddr>,
}

impl Pipeline {
    /// Starts it in `work` with `environment` for every process. It uses the servers at `nats`, or
    /// starts `nats_server`.
    pub(super) fn start(
        orderflow: &Path,
        work: &Path,
        nats_server: Option<&Path>,
        nats: Option<&str>,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let path = search_path(work, nats_server)?;
        let stderr = std::fs::File::create(work.join("up.stderr")).context("up.stderr")?;
        let mut command = Command::new(orderflow);
        command.arg("--data-dir").arg(data_dir(work)).args(["up", "--port", "0", "--processes"]);
        if let Some(url) = nats {
            command.args(["--nats", url]);
        }
        for (name, value) in environment {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        // In its own process group, because the campaign handles Ctrl-C and ends it.
        command.current_dir(work).env("PATH", &path).process_group(0).kill_on_drop(true);
        let up = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot start {}", orderflow.display()))?;
        Ok(Self { orderflow: orderflow.to_owned(), work: work.to_owned(), up, path })
    }

    /// Waits until `run.json` exists, which is before the functions start.
    pub(super) async fn servers_started(&mut self) -> Result<Run> {
        let started = Instant::now();
        loop {
            if let Ok(run) = self.run() {
                return Ok(run);
            }
            if let Ok(Some(status)) = self.up.try_wait() {
                bail!("up ended with {status}: {}", self.stderr());
            }
            ensure!(started.elapsed() < READY_MAX, "up starts no servers: {}", self.stderr());
            sleep(LOOK).await;
        }
    }

    /// Waits until everything is ready.
    pub(super) async fn ready(&mut self) -> Result<Run> {
        let stdout = self.up.stdout.take().context("up was waited for already")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = timeout(READY_MAX, reader.read_line(&mut line)).await;
        let said_so = matches!(read, Ok(Ok(_))) && line.starts_with("ready ");
        ensure!(said_so, "up does not become ready: {line}{}", self.stderr());
        self.run()
    }

    /// The current processes.
    pub(super) fn run(&self) -> Result<Run> {
        let bytes = std::fs::read(self.data_dir().join("run.json")).context("run.json")?;
        serde_json::from_slice(&bytes).context("run.json")
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        data_dir(&self.work)
    }

    /// The folder with the streams of nats-server.
    pub(super) fn store(&self) -> PathBuf {
        store_dir(&self.work)
    }

    fn stderr(&self) -> String {
        std::fs::read_to_string(self.work.join("up.stderr")).unwrap_or_default()
    }

    /// Runs `orderflow ARGS…` with this pipeline.
    pub(super) async fn orderflow(&self, args: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.orderflow);
        command.arg("--data-dir").arg(self.data_dir()).args(args).env("PATH", &self.path);
        command.current_dir(&self.work).stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(COMMAND_MAX, command.output()).await;
        output.with_context(|| format!("orderflow {args:?}"))?.context("orderflow")
    }

    /// The JSON answer of `orderflow ARGS…`.
    pub(super) async fn json(&self, args: &[&str]) -> Result<Value> {
        let output = self.orderflow(&[args, &["--json"]].concat()).await?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "orderflow {args:?}: {error}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The current end of each process's log.
    pub(super) fn log_ends(&self) -> BTreeMap<PathBuf, u64> {
        let logs = std::fs::read_dir(self.data_dir().join("logs")).into_iter().flatten().flatten();
        let end = |path: PathBuf| Some((path.clone(), path.metadata().ok()?.len()));
        logs.filter_map(|entry| end(entry.path())).collect()
    }

    /// Errors in the logs of functions and connector after `ends`.
    pub(super) fn errors_since(&self, ends: &BTreeMap<PathBuf, u64>) -> Vec<String> {
        self.lines_since(ends, |line| line.contains(ERROR))
    }

    /// Like [`Self::errors_since`], but with warnings, except for those about connections. A process
    /// that waits for a stream that stores nothing only warns.
    pub(super) fn complaints_since(&self, ends: &BTreeMap<PathBuf, u64>) -> Vec<String> {
        self.lines_since(ends, |line| {
            line.contains(ERROR) || line.contains(WARNING) && !line.contains(CONNECTION)
        })
    }

    fn lines_since(
        &self,
        ends: &BTreeMap<PathBuf, u64>,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        for path in self.log_ends().into_keys() {
            let text = std::fs::read(&path).unwrap_or_default();
            let from = ends.get(&path).and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
            let text = String::from_utf8_lossy(text.get(from..).unwrap_or_default()).into_owned();
            lines.extend(text.lines().filter(|line| wanted(line)).map(str::to_owned));
        }
        lines
    }

    /// The current pid of a process.
    pub(super) fn pid_of(&self, part: &str) -> Result<i32> {
        let run = self.run()?;
        Ok(run.processes.get(part).with_context(|| format!("{part} does not run"))?.pid)
    }

    /// Waits until the process is ready with another pid than `before`; `None` if it does not recover.
    pub(super) async fn recovered(&self, part: &str, before: Option<i32>) -> Option<Duration> {
        let started = Instant::now();
        while started.elapsed() < RECOVERY_MAX {
            if let Ok(run) = self.run()
                && let Some(process) = run.processes.get(part)
                && Some(process.pid) != before
                && answers(part, process, &run).await
            {
                return Some(started.elapsed());
            }
            sleep(LOOK).await;
        }
        None
    }

    /// Kills nats-server, runs `meanwhile`, and lets nats-server be restarted. `up` is suspended, so it
    /// cannot restart it earlier.
    pub(super) async fn while_nats_is_down(
        &self,
        meanwhile: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let up = self.up.id().and_then(|pid| i32::try_from(pid).ok()).context("up has ended")?;
        let nats = self.pid_of(NATS)?;
        signal(up, Signal::STOP);
        signal(nats, Signal::KILL);
        while !is_gone(nats) {
            sleep(Duration::from_millis(1)).await;
        }
        let done = meanwhile();
        signal(up, Signal::CONT);
        done?;
        self.recovered(NATS, Some(nats)).await.context("nats-server does not come back")?;
        Ok(())
    }

    /// Ends it gracefully.
    pub(super) async fn stop(&mut self) -> Result<()> {
        if let Some(pid) = self.up.id().and_then(|pid| i32::try_from(pid).ok()) {
            signal(pid, Signal::CONT);
            signal(pid, Signal::TERM);
        }
        let status = timeout(END_MAX, self.up.wait()).await;
        let status = status.context("up does not end")?.context("up")?;
        ensure!(status.success(), "up ended with {status}: {}", self.stderr());
        Ok(())
    }
}

pub(super) fn store_dir(work: &Path) -> PathBuf {
    data_dir(work).join("nats/store")
}

fn data_dir(work: &Path) -> PathBuf {
    work.join("data")
}

/// `PATH` with a folder in front that contains the requested `nats-server`.
fn search_path(work: &Path, nats_server: Option<&Path>) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(program) = nats_server else { return Ok(path) };
    let program = program.canonicalize().with_context(|| program.display().to_string())?;
    let bin = work.join("bin");
    std::fs::create_dir_all(&bin).context("the folder of programs")?;
    // The link may exist from an earlier start.
    drop(std::fs::remove_file(bin.join(NATS)));
    std::os::unix::fs::symlink(program, bin.join(NATS)).context("nats-server")?;
    Ok(std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path)))?)
}

/// Errors do not matter: a process that has ended needs no signal.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        kill_process(pid, signal).ok();
    }
}

/// True if the process does not exist, or only its exit status is left.
fn is_gone(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.starts_with(" Z"))
}

/// Does the process report that it is ready?
async fn answers(part: &str, process: &Process, run: &Run) -> bool {
    let asked = async {
        match (part, process.traffic) {
            (NATS, _) => {
                let address = run.nats.rsplit(['/', '@']).next()?.parse().ok()?;
                greets(address, b"INFO ").await
            }
            ("sshd", _) => greets((Ipv4Addr::LOCALHOST, run.sftp_port).into(), b"SSH-").await,
            (_, Some(address)) => is_ready(address).await,
            (_, None) => None,
        }
    };
    matches!(timeout(ANSWER_MAX, asked).await, Ok(Some(())))
}

async fn greets(address: SocketAddr, expected: &[u8]) -> Option<()> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut start = vec![0; expected.len()];
    stream.read_exact(&mut start).await.ok()?;
    (start == expected).then_some(())
}

async fn is_ready(address: SocketAddr) -> Option<()> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(b"GET /_/ready HTTP/1.0\r\nHost: x\r\n\r\n").await.ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.ok()?;
    (head.ends_with(b" 200")).then_some(())
}
