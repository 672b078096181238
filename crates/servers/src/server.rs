//! The common part of all servers: a process on a port that can be started again.

use crate::Error;
use crate::child::Child;
use crate::port::{self, Port};
use std::path::{Path, PathBuf};

/// Starts the program on a port and waits until it is ready.
pub(crate) type Launch<S> = fn(&S, &Path, u16) -> Result<Child, Error>;

/// A running server; killed, with its descendants, when dropped.
#[derive(Debug)]
pub struct Server<S> {
    /// Its settings.
    pub(crate) home: S,
    binary: PathBuf,
    port: Port,
    pub(crate) child: Child,
    launch: Launch<S>,
}

impl<S> Server<S> {
    /// Starts a server on the wanted port, or on a free one.
    pub(crate) fn start(
        home: S,
        binary: PathBuf,
        wanted: Option<u16>,
        launch: Launch<S>,
    ) -> Result<Self, Error> {
        let (port, child) = port::claim(wanted, |port| launch(&home, &binary, port))?;
        Ok(Self { home, binary, port, child, launch })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The pid of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Is the process running?
    pub fn is_running(&mut self) -> bool {
        self.child.is_running()
    }

    /// Its log file.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.child.log().to_owned()
    }

    /// Kills it and its descendants with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Asks it and its descendants to end; after five seconds, kills them like [`Server::kill`].
    pub fn stop(&mut self) {
        self.child.stop();
    }

    /// Suspends its process (`SIGSTOP`): its connections stay open, but it does not answer.
    pub fn pause(&self) {
        self.child.pause(true);
    }

    /// Resumes a suspended process.
    pub fn resume(&self) {
        self.child.pause(false);
    }

    /// Uses another program for later starts, for an upgrade.
    pub fn set_binary(&mut self, binary: impl Into<PathBuf>) {
        self.binary = binary.into();
    }

    /// Starts it again on the same port with its stored data; kills it first if it is running.
    ///
    /// # Errors
    /// If it ends immediately, or is not ready in time.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        self.child = (self.launch)(&self.home, &self.binary, self.port.number)?;
        Ok(())
    }
}
