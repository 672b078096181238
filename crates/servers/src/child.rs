//! A child process that ends with this process.

use crate::{Error, program};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How long a server may take until it is ready; replaying a large store takes seconds.
const READY_SECONDS_MAX: u64 = 60;
/// How long a server may take to end after SIGTERM before it is killed.
const STOP_MAX: Duration = Duration::from_secs(5);
const LOG_TAIL_BYTES: usize = 600;

/// A running program; killed, with all its descendants, when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    program: PathBuf,
    log: PathBuf,
}

impl Child {
    /// Starts `program` with its output appended to `log`.
    pub(crate) fn start(program: &Path, args: &[OsString], log: &Path) -> Result<Self, Error> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(Error::file("open", log))?;
        let err = out.try_clone().map_err(Error::file("open", log))?;
        let mut command = bound_to_parent(program);
        // A terminal sends Ctrl-C to its whole process group; the caller decides in which order
        // programs end.
        command.args(args).process_group(0).stdin(Stdio::null()).stdout(out).stderr(err);
        let process = spawn(command)
            .map_err(|source| Error::Spawn { program: program.to_owned(), source })?;
        Ok(Self { process, program: program.to_owned(), log: log.to_owned() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Waits until `ready` returns true; fails immediately when the program ends.
    pub(crate) fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(READY_SECONDS_MAX);
        loop {
            if ready() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(self.ended(status));
            }
            if deadline <= Instant::now() {
                return Err(Error::NotReady {
                    program: self.program.clone(),
                    seconds: READY_SECONDS_MAX,
                    log: self.log.clone(),
                });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it and its descendants with SIGKILL and waits for its end.
    pub(crate) fn kill(&mut self) {
        if !self.is_running() {
            return;
        }
        // Stopped first, so that it cannot start further children while they are listed.
        self.signal(Signal::STOP);
        let descendants = descendants(self.pid());
        self.signal(Signal::KILL);
        signal_all(&descendants, Signal::KILL);
        // Fails only if the child was waited for before.
        drop(self.process.wait());
    }

    /// Asks it and its descendants to end; kills them after five seconds.
    pub(crate) fn stop(&mut self) {
        if !self.is_running() {
            return;
        }
        let descendants = descendants(self.pid());
        self.signal(Signal::TERM);
        signal_all(&descendants, Signal::TERM);
        let deadline = Instant::now() + STOP_MAX;
        while self.is_running() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }

    /// Suspends it (SIGSTOP), or resumes it.
    pub(crate) fn pause(&self, paused: bool) {
        self.signal(if paused { Signal::STOP } else { Signal::CONT });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.pid()) {
            signal_all(&[pid], signal);
        }
    }

    fn ended(&self, status: ExitStatus) -> Error {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = log.get(log.len().saturating_sub(LOG_TAIL_BYTES)..).unwrap_or_default();
        Error::Ended {
            program: self.program.clone(),
            status: status.to_string(),
            tail: String::from_utf8_lossy(tail).trim().to_owned(),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Errors do not matter: a process that has ended needs no signal.
fn signal_all(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|&pid| Pid::from_raw(pid)) {
        kill_process(pid, signal).ok();
    }
}

/// Its children, their children and so on, from `/proc`; empty on systems without `/proc`.
fn descendants(of: u32) -> Vec<i32> {
    let pairs: Vec<(i32, i32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| Some((pid, parent_of(pid)?)))
        .collect();
    let mut found: Vec<i32> = i32::try_from(of).into_iter().collect();
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1.min(found.len()))
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state parent …`, and the name may contain anything.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A command whose process the kernel kills when this process dies, if `setpriv` supports that.
fn bound_to_parent(program: &Path) -> Command {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    let setpriv = SETPRIV.get_or_init(|| {
        let setpriv = program::find("setpriv")?;
        let mut probe = Command::new(&setpriv);
        probe.args(["--pdeathsig", "KILL", "--", "true"]).stdout(Stdio::null());
        probe.stderr(Stdio::null()).status().ok()?.success().then_some(setpriv)
    });
    match setpriv {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args([OsStr::new("--pdeathsig"), OsStr::new("KILL"), OsStr::new("--")]);
            command.arg(program);
            command
        }
        None => Command::new(program),
    }
}

type Job = (Command, SyncSender<std::io::Result<std::process::Child>>);

/// Starts the command from a thread that lives as long as this process. The kernel kills the child when
/// the *thread* that started it ends, and the caller's thread may belong to a pool that shrinks.
fn spawn(command: Command) -> std::io::Result<std::process::Child> {
    static STARTER: OnceLock<SyncSender<Job>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, jobs) = sync_channel::<Job>(16);
        std::thread::spawn(move || {
            for (mut command, answer) in jobs {
                // The caller waits for the answer below.
                drop(answer.send(command.spawn()));
            }
        });
        sender
    });
    let (sender, answer) = sync_channel(1);
    let gone = |_| std::io::Error::other("the thread that starts servers has ended");
    starter.send((command, sender)).map_err(|_| gone(()))?;
    answer.recv().map_err(|_| gone(()))?
}
