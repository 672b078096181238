//! The disk under nats-server's store.
//!
//! Once a write has found no room, nats-server stores nothing more in that stream until it is started
//! again, also when there is room: 2.9 answers no request of JetStream at all, newer ones go on with the
//! streams of which no write has failed. So a disk that was full is reason enough.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use terminal::output::{self, size};

/// With less than this a write of nats-server may fail any moment.
const FULL_BELOW: u64 = 1 << 20;
/// Starting again is worth it from here on.
const ROOM_FROM: u64 = 8 << 20;
/// How often the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a full disk is said.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// Least time between two restarts. It doubles with each that did not help, because there is room and
/// not for nats-server, as with a quota.
const PAUSE: Duration = Duration::from_secs(15);
const PAUSE_MAX: Duration = Duration::from_secs(10 * 60);
/// What nats-server logs when it begins, and when there is no room. 2.9 may log nothing.
const BEGINS: &str = "Starting nats-server";
const FAILED: [&str; 3] =
    ["no space left on device", "disk quota exceeded", "resources, will be DISABLED"];
/// Most bytes of the log that are read at once.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// Looks at the disk, and remembers that it was full.
#[derive(Debug)]
pub(super) struct Room {
    store: PathBuf,
    log: Log,
    looked: Option<Instant>,
    restarts: Restarts,
    /// The disk was full, and nats-server was not started since; when that was last said.
    full: Option<Instant>,
}

impl Room {
    /// For a server that has just started, keeps its streams in `store` and writes to `log`.
    pub(super) fn new(store: PathBuf, log: PathBuf) -> Self {
        // Earlier runs of nats-server wrote what is in the log already.
        let read = log.metadata().map_or(0, |meta| meta.len());
        let log = Log { path: log, read, failed: false };
        Self { store, log, looked: None, restarts: Restarts::default(), full: None }
    }

    /// Is nats-server to be started again now? Says what it finds.
    pub(super) fn wants_restart(&mut self) -> bool {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return false;
        }
        let now = Instant::now();
        self.looked = Some(now);
        let Ok(disk) = rustix::fs::statvfs(&self.store) else { return false };
        let without_files = disk.f_files != 0 && disk.f_favail == 0;
        let free = if without_files { 0 } else { disk.f_bavail * disk.f_frsize };
        let failed = self.log.has_failed();
        if self.full.is_none() && !failed && FULL_BELOW <= free {
            self.restarts.is_well(now);
            return false;
        }
        if free < ROOM_FROM {
            self.restarts.is_full();
            self.say_full(free, without_files);
            return false;
        }
        let Some(pause) = self.restarts.next(now) else { return false };
        let (free, store) = (size(free), self.store.display());
        if pause == PAUSE {
            output::note(format_args!(
                "✓ {free} free in {store} again: starting nats-server again"
            ));
        } else {
            output::note(format_args!(
                "✗ nats-server finds no room, and {free} are free in {store}. Is there a quota? Starting \
                 nats-server again; if that does not help, once more in {} s",
                pause.as_secs()
            ));
        }
        self.full = None;
        true
    }

    fn say_full(&mut self, free: u64, without_files: bool) {
        if self.full.is_some_and(|said| said.elapsed() < SAY_EVERY) {
            return;
        }
        self.full = Some(Instant::now());
        let (free, needed, store) = (size(free), size(ROOM_FROM), self.store.display());
        let files = if without_files { " for any further file" } else { "" };
        output::note(format_args!(
            "✗ the disk of nats-server is full: {free} free{files} in {store}. No order is taken until \
             there are {needed}; nats-server is then started again"
        ));
        tracing::error!(store = %store, free, "the disk of nats-server is full");
    }
}

/// When nats-server may be started again.
#[derive(Debug, Default)]
struct Restarts {
    last: Option<Instant>,
    /// How many there were since the disk itself was full, or since all was well.
    count: u32,
}

impl Restarts {
    /// If it may be started now: how long the next restart waits.
    fn next(&mut self, now: Instant) -> Option<Duration> {
        let pause = pause_after(self.count);
        if self.last.is_some_and(|at| now.duration_since(at) < pause) {
            return None;
        }
        self.last = Some(now);
        self.count += 1;
        Some(pause_after(self.count))
    }

    /// The disk itself is full: once there is room, a restart helps.
    fn is_full(&mut self) {
        self.count = 0;
    }

    /// Writes find room; so the last restart helped if it was long ago.
    fn is_well(&mut self, now: Instant) {
        if self.last.is_some_and(|at| PAUSE_MAX <= now.duration_since(at)) {
            self.count = 0;
        }
    }
}

/// How long the next restart waits after so many.
fn pause_after(restarts: u32) -> Duration {
    PAUSE_MAX.min(PAUSE.saturating_mul(2_u32.saturating_pow(restarts.saturating_sub(1))))
}

/// What nats-server has written since it began.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// Bytes of it.
    read: u64,
    failed: bool,
}

impl Log {
    /// Has a write found no room since the server began?
    fn has_failed(&mut self) -> bool {
        // The next look reads what this one cannot.
        for line in self.lines().unwrap_or_default().lines() {
            if line.contains(BEGINS) {
                self.failed = false;
            }
            self.failed |= FAILED.iter().any(|text| line.contains(text));
        }
        self.failed
    }

    /// The whole lines that were added.
    fn lines(&mut self) -> std::io::Result<String> {
        let mut file = File::open(&self.path)?;
        if file.metadata()?.len() < self.read {
            // It was cut, because it had become long.
            self.read = 0;
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.truncate(whole);
        self.read += whole as u64;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn restarts_that_do_not_help_become_rare() {
        let mut restarts = Restarts::default();
        let mut now = Instant::now();
        for pause in [15, 30, 60, 120, 240, 480, 600, 600] {
            let pause = Duration::from_secs(pause);
            assert_eq!(restarts.next(now), Some(pause));
            now += pause - Duration::from_secs(1);
            // A server that has just begun may not have written yet.
            restarts.is_well(now);
            assert_eq!(restarts.next(now), None, "{pause:?}");
            now += Duration::from_secs(1);
        }
        restarts.is_well(now);
        assert_eq!(restarts.next(now), Some(PAUSE), "one that helped");
    }

    #[test]
    fn room_on_a_disk_that_was_full_is_used_soon() {
        let mut restarts = Restarts::default();
        let mut now = Instant::now();
        for _ in 0..3 {
            assert_eq!(restarts.next(now), Some(PAUSE));
            assert_eq!(restarts.next(now), None);
            restarts.is_full();
            now += PAUSE;
        }
    }

    #[test]
    fn the_log_tells_of_this_life_of_the_server_only() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut log = Log { path: file.path().to_owned(), read: 0, failed: false };
        let mut after = |text: &str| {
            file.write_all(text.as_bytes()).unwrap();
            log.has_failed()
        };
        assert!(!after("[1] [INF] Starting nats-server\n"));
        assert!(!after("[1] [ERR] write 1.blk: no space left"));
        assert!(after(" on device\n"));
        assert!(after("[1] [INF] something else\n"));
        assert!(!after("[2] [INF] Starting nats-server\n"));
        assert!(after("[2] [ERR] write 1.blk: disk quota exceeded\n"));
        assert!(!after("[2] [INF] Starting nats-server\n"));
        assert!(after("[2] [ERR] JetStream out of File resources, will be DISABLED\n"));
        file.as_file().set_len(0).unwrap();
        assert!(log.has_failed());
    }
}
