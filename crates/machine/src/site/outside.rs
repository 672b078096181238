//! Functions and connector as processes of their own.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::state::Site;

/// Says that the process is to end with its standard input, so that none outlives a killed `up`.
pub const EXIT_WITH_STDIN: &str = "ORDERFLOW_EXIT_WITH_STDIN";
/// How long a process may take until it listens.
const LISTEN_MAX: Duration = Duration::from_secs(60);
/// How long a process may take to end by itself before it is killed.
const END_MAX: Duration = Duration::from_secs(30);
/// What of the log is shown when it ends.
const TAIL_BYTES: usize = 600;
/// What the programs of a pod would have anyway, and what helps to find errors.
const INHERITED: [&str; 5] = ["PATH", "HOME", "TMPDIR", "ORDERFLOW_LOG", "RUST_BACKTRACE"];

/// What a process writes once it listens.
#[derive(Deserialize)]
struct Listening {
    #[serde(default)]
    traffic: Option<SocketAddr>,
    metrics: SocketAddr,
    pid: u32,
}

/// One life of `orderflow ARGS…` under this name.
pub(crate) async fn process(
    site: Arc<Site>,
    name: String,
    args: Vec<&'static str>,
    stop: CancellationToken,
) -> Result<()> {
    let name = name.as_str();
    let log = site.dir.logs().join(format!("{name}.log"));
    let listen_file = site.dir.listen().join(name);
    // Of an earlier life.
    drop(std::fs::remove_file(&listen_file));
    let mut child = spawn(&site, name, &args, &log, &listen_file)?;
    // Kept open: its end tells the process that nobody is there any longer.
    let (stdin, pid) = (child.stdin.take(), child.id());
    let ended = tokio::select! {
        status = child.wait() => Some(status.context("cannot wait for it")?),
        failed = tell_when_listening(&site, name, &listen_file, pid) => return failed,
        () = stop.cancelled() => None,
    };
    if let Some(status) = ended {
        return Err(dead(status, &log));
    }
    terminate(&mut child).await;
    drop(stdin);
    Ok(())
}

fn spawn(site: &Site, name: &str, args: &[&str], log: &Path, listen_file: &Path) -> Result<Child> {
    let out = File::options().create(true).append(true).open(log);
    let out = out.with_context(|| format!("cannot open {}", log.display()))?;
    let err = out.try_clone().with_context(|| format!("cannot open {}", log.display()))?;
    let program = std::env::current_exe().context("cannot find the own program")?;
    let mut command = Command::new(&program);
    command.args(args).env_clear().kill_on_drop(true);
    for name in INHERITED {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.envs(site.environment(name));
    command.env("ORDERFLOW_LISTEN_FILE", listen_file).env(EXIT_WITH_STDIN, "true");
    // A terminal sends Ctrl-C to its whole group; who ends when is decided here.
    command.process_group(0);
    command.current_dir(site.dir.root()).stdin(Stdio::piped()).stdout(out).stderr(err);
    command.spawn().with_context(|| format!("cannot start {}", program.display()))
}

/// Ends only when the process does not come to listen.
pub(crate) async fn tell_when_listening(
    site: &Site,
    name: &str,
    file: &Path,
    pid: Option<u32>,
) -> Result<()> {
    let listening = async {
        loop {
            let text = tokio::fs::read(file).await.unwrap_or_default();
            if let Ok(found) = serde_json::from_slice::<Listening>(&text)
                && Some(found.pid) == pid
            {
                return found;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let Ok(found) = timeout(LISTEN_MAX, listening).await else {
        bail!("it does not listen after {} s", LISTEN_MAX.as_secs());
    };
    site.started(name, found.pid, found.traffic, Some(found.metrics));
    std::future::pending().await
}

/// Asks it to end, and kills it when it does not.
async fn terminate(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        // It may have ended this very moment.
        kill_process(pid, Signal::TERM).ok();
    }
    if timeout(END_MAX, child.wait()).await.is_err() {
        drop(child.kill().await);
    }
}

fn dead(status: ExitStatus, log: &Path) -> anyhow::Error {
    let text = std::fs::read(log).unwrap_or_default();
    let tail = text.get(text.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    let tail = String::from_utf8_lossy(tail);
    anyhow::anyhow!("{status}; the end of {}: {}", log.display(), tail.trim())
}
