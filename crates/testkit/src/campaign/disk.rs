//! A small file system for the store of nats-server, whose size can be taken away and given back.

use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is left of the room when it is taken away.
const LEFT_BYTES: u64 = 64 << 10;
/// The least that a campaign gets.
const SIZE_BYTES_MIN: u64 = 1 << 30;
/// What an order and everything that follows from it takes in the store, generously.
const ORDER_BYTES: u64 = 12 << 10;

/// A mounted tmpfs; unmounted when dropped.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    bytes: u64,
}

impl Disk {
    /// Mounts one at `path` for so many orders.
    ///
    /// # Errors
    /// Only root can do that.
    pub(super) fn mount(path: &Path, orders: u64) -> Result<Self> {
        std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
        let bytes = SIZE_BYTES_MIN.max(orders.saturating_mul(ORDER_BYTES));
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(path);
        run(command)?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// Leaves almost no room.
    pub(super) fn fill(&self) -> Result<()> {
        let stat = rustix::fs::statvfs(&self.path).context("the size of the file system")?;
        let used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize;
        self.resize(used + LEFT_BYTES)
    }

    /// Gives the room back.
    pub(super) fn empty(&self) -> Result<()> {
        self.resize(self.bytes)
    }

    /// Unmounts it, and leaves what is in it in its place.
    pub(super) fn keep_content(self) -> Result<()> {
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
