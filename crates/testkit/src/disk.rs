//! A small file system whose free space can be taken away and given back.

use anyhow::{Context as _, Result, ensure};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Free space that is left when it is taken away.
pub const LEFT_BYTES: u64 = 64 << 10;
/// How often filling is tried while others write.
const ATTEMPTS_MAX: u32 = 20;

/// A mounted tmpfs; unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    bytes: u64,
}

impl Disk {
    /// Mounts one with this size at `path`.
    ///
    /// # Errors
    /// Only root can mount it.
    pub fn mount(path: &Path, bytes: u64) -> Result<Self> {
        std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(path);
        run(command)?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// Like [`Self::mount`], for a test; without root, prints that nothing is checked and returns
    /// `None`.
    ///
    /// # Panics
    /// If root cannot mount it.
    #[must_use]
    pub fn for_test(path: &Path, bytes: u64) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            // `eprintln` output is not shown when the test passes.
            drop(writeln!(io::stderr(), "NOT CHECKED: a full disk, which only root can mount"));
            return None;
        }
        Some(Self::mount(path, bytes).unwrap_or_else(|error| panic!("{error:#}")))
    }

    /// Leaves at most [`LEFT_BYTES`].
    ///
    /// # Errors
    /// If the file system cannot be resized.
    pub fn fill(&self) -> Result<()> {
        let mut attempts = 0;
        loop {
            let stat = rustix::fs::statvfs(&self.path).context("the size of the file system")?;
            let used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize;
            attempts += 1;
            // A tmpfs cannot become smaller than its content, which may have grown in the meantime.
            match self.resize(used + LEFT_BYTES) {
                Err(_) if attempts < ATTEMPTS_MAX => {}
                result => return result,
            }
        }
    }

    /// Gives the space back.
    ///
    /// # Errors
    /// If the file system cannot be resized.
    pub fn empty(&self) -> Result<()> {
        self.resize(self.bytes)
    }

    /// Unmounts it, and puts a copy of its content in its place.
    ///
    /// # Errors
    /// If there is no space for the copy.
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
        // Lazily, because a server that was just killed may still hold files.
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
    fn a_disk_is_filled_while_a_process_writes() {
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
