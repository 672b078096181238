//! The logs of everything that runs here stay bounded.
//!
//! The programs append to their files, whatever they are, so a file that has become long is copied to
//! `<name>.1`, in the place of the one before, and emptied. What is written between the two is lost.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest log, and longest one that is kept of before, in bytes: about a second of writing more.
pub(crate) const LOG_BYTES_MAX: u64 = 16 << 20;
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the logs in `dir` bounded for as long as it runs.
pub(crate) async fn keep_bounded(dir: PathBuf) {
    loop {
        tokio::time::sleep(LOOK).await;
        let here = dir.clone();
        let looked = tokio::task::spawn_blocking(move || look(&here, LOG_BYTES_MAX)).await;
        if let Ok(Err(error)) = looked {
            tracing::warn!(%error, dir = %dir.display(), "the logs are not kept bounded");
        }
    }
}

/// One look at the logs in `dir`; those of servers are links to files elsewhere.
fn look(dir: &Path, bytes_max: u64) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_log = path.extension().is_some_and(|ending| ending == "log");
        // A link may lead to a file that is not there yet.
        let Ok(found) = fs::metadata(&path) else { continue };
        if is_log && found.is_file() && bytes_max < found.len() {
            shorten(&path, bytes_max)?;
        }
    }
    Ok(())
}

fn shorten(path: &Path, bytes_max: u64) -> io::Result<()> {
    let mut log = File::options().read(true).write(true).open(path)?;
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(bytes_max)))?;
    let mut before = path.as_os_str().to_owned();
    before.push(".1");
    let mut before = File::create(before)?;
    io::copy(&mut (&mut log).take(bytes_max), &mut before)?;
    log.set_len(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn logs_stay_bounded_and_what_was_written_last_is_there() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = elsewhere.path().join("server.log");
        std::os::unix::fs::symlink(&target, dir.path().join("server.log")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("later.log")).unwrap();
        let append = |path: PathBuf| File::options().create(true).append(true).open(path).unwrap();
        let mut logs = [append(dir.path().join("up.log")), append(target.clone())];
        let mut other = append(dir.path().join("notes.txt"));
        for line in 0..10_000 {
            for log in &mut logs {
                writeln!(log, "line {line}").unwrap();
            }
            writeln!(other, "line {line}").unwrap();
            if line % 100 == 0 {
                look(dir.path(), 5_000).unwrap();
            }
        }
        for (folder, name) in [(dir.path(), "up.log"), (dir.path(), "server.log")] {
            let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
            let (now, before) = (text(name), text(&format!("{name}.1")));
            assert!(now.len() < 7_000 && before.len() <= 5_000, "{} {}", now.len(), before.len());
            assert!(now.ends_with("line 9999\n"));
            let both = before + &now;
            let lines: Vec<&str> = both.lines().skip(1).collect();
            let from = 10_000 - lines.len();
            let expected: Vec<String> = (from..10_000).map(|line| format!("line {line}")).collect();
            assert_eq!(lines, expected);
        }
        assert!(90_000 < fs::metadata(dir.path().join("notes.txt")).unwrap().len());
    }
}
