//! Wrong wall clocks, with libfaketime.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// Where Debian installs the library for programs with threads.
const LIBRARY: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// A file with the error of the clock; each process reads it when it starts.
#[derive(Debug)]
pub(super) struct Clock {
    file: PathBuf,
    library: &'static str,
}

impl Clock {
    /// `None` if libfaketime is not installed.
    pub(super) fn in_folder(folder: &Path) -> Result<Option<Self>> {
        let library = LIBRARY.into_iter().find(|path| Path::new(path).is_file());
        let Some(library) = library else { return Ok(None) };
        let clock = Self { file: folder.join("clock"), library };
        clock.set(0)?;
        Ok(Some(clock))
    }

    /// Processes that start from now on have a clock that is wrong by this many hours.
    pub(super) fn set(&self, hours: i8) -> Result<()> {
        let sign = if hours < 0 { '-' } else { '+' };
        let text = format!("{sign}{}h\n", hours.unsigned_abs());
        // Renamed, so that no process reads half of it.
        let part = self.file.with_extension("part");
        std::fs::write(&part, text).context("the file of the clock")?;
        std::fs::rename(&part, &self.file).context("the file of the clock")
    }

    /// The environment that a process needs.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let file = self.file.display().to_string();
        [
            ("LD_PRELOAD", self.library),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            // Time-outs use the monotonic clock, which nobody can set.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            // Read once at the start.
            ("FAKETIME_CACHE_DURATION", "100000000"),
            ("NO_FAKE_STAT", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}
