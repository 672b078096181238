//! A small file system for somebody's files, whose room can be taken away and given back.

use anyhow::{Context as _, Result, ensure};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is left of the room when it is taken away.
pub const LEFT_BYTES: u64 = 64 << 10;
/// How often it is tried to leave no more, while others write.
const ATTEMPTS_MAX: u32 = 20;

/// A mounted tmpfs; unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    bytes: u64,
}

impl Disk {
    /// Mounts one of so many bytes at `path`.
    ///
    /// # Errors
    /// Only root can do that.
    pub fn mount(path: &Path, bytes: u64) -> Result<Self> {
        std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(path);
        run(command)?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// The same for a test; without root there is none, and it is printed that nothing is checked.
    ///
    /// # Panics
    /// Root cannot mount it.
    #[must_use]
    pub fn for_test(path: &Path, bytes: u64) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            // What `eprintln` writes is not shown when the test passes.
            drop(writeln!(io::stderr(), "NOT CHECKED: a full disk, which only root can mount"));
            return None;
        }
        Some(Self::mount(path, bytes).unwrap_or_else(|error| panic!("{error:#}")))
    }

    /// Leaves no more than [`LEFT_BYTES`].
    ///
    /// # Errors
    /// The file system does not change.
    pub fn fill(&self) -> Result<()> {
        let mut attempts = 0;
        loop {
            let stat = rustix::fs::statvfs(&self.path).context("the size of the file system")?;
            let used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize;
            attempts += 1;
            // A tmpfs refuses to be smaller than what is in it, and that has grown meanwhile.
            match self.resize(used + LEFT_BYTES) {
                Err(_) if attempts < ATTEMPTS_MAX => {}
                result => return result,
            }
        }
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// The file system does not change.
    pub fn empty(&self) -> Result<()> {
        self.resize(self.bytes)
    }

    /// Unmounts it, and leaves what is in it in its place.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn keep_content(self) -> Result<()> {
        let (path, copy) = (self.path.clone(), self.path.with_extension("kept"));
        let mut command = Command::new("cp");
        command.arg("-a").args([&path, &copy]);
        run(command)?;
        drop(self);
        std::fs::remove_dir(&path).with_context(|| path.display().to_string())?;
        std::fs::rename(&copy, &path).with_context(|| path.display().to_string())
    }

    fn resize(&self, bytes: u64) -> Result<()> {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,size={bytes}")]).arg(&self.path);
        run(command)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut command = Command::new("umount");
        // Lazily, because a server that was killed this moment may still hold files.
        command.arg("--lazy").arg(&self.path);
        drop(run(command));
    }
}

fn run(mut command: Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{:?}", command.get_program()))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", error.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_disk_is_filled_while_somebody_writes() {
        let dir = tempfile::tempdir().unwrap();
        let Some(disk) = Disk::for_test(&dir.path().join("disk"), 16 << 20) else { return };
        let is_done = AtomicBool::new(false);
        let is_writing = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = std::fs::File::create(disk.path.join("file")).unwrap();
                is_writing.wait();
                let mut is_full = false;
                while !is_full && !is_done.load(Ordering::Relaxed) {
                    is_full = file.write_all(&[1; 16 << 10]).is_err();
                }
            });
            is_writing.wait();
            let filled = disk.fill();
            is_done.store(true, Ordering::Relaxed);
            filled.unwrap();
        });
    }
}
