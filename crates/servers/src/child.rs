//! A child process that ends with this one.

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

/// How long a server may take until it accepts; a replay of a large store takes seconds.
const READY_SECONDS_MAX: u64 = 60;
/// How long a server may take to end by itself before it is killed.
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
        // A terminal sends Ctrl-C to its whole group; who ends when is decided by the caller.
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

    /// Waits until `ready` says so; fails at once when the program ends.
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

    /// Kills it and its descendants with signal 9 and waits for its end.
    pub(crate) fn kill(&mut self) {
        if !self.is_running() {
            return;
        }
        // Stopped first, so that it starts no further child while its children are listed.
        self.signal(Signal::STOP);
        let descendants = descendants(self.pid());
        self.signal(Signal::KILL);
        signal_all(&descendants, Signal::KILL);
        // Fails only for a child that was waited for already.
        drop(self.process.wait());
    }

    /// Asks it and its descendants to end; kills what does not within five seconds.
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

    /// Stops it where it stands, or lets it go on.
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

/// Who is gone already needs no signal, so errors do not matter.
fn signal_all(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|&pid| Pid::from_raw(pid)) {
        kill_process(pid, signal).ok();
    }
}

/// Children, their children and so on, from `/proc`; nothing where there is no `/proc`.
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

/// A command whose process the kernel kills when this process dies, if `setpriv` can arrange that.
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

/// Starts the command from one thread that lives as long as the process. The kernel takes the death
/// of the *thread* that started a child for the death of its parent, and the caller's thread may be
/// one of a pool that shrinks.
fn spawn(command: Command) -> std::io::Result<std::process::Child> {
    static STARTER: OnceLock<SyncSender<Job>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, jobs) = sync_channel::<Job>(16);
        std::thread::spawn(move || {
            for (mut command, answer) in jobs {
                // The one who asked waits for the answer below.
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
