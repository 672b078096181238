//! What all servers have in common: a process on a port, which can be started again.

use crate::Error;
use crate::child::Child;
use crate::port::{self, Port};
use std::path::{Path, PathBuf};

/// Starts the program on a port, and waits until it accepts.
pub(crate) type Launch<S> = fn(&S, &Path, u16) -> Result<Child, Error>;

/// A running server; killed, with its descendants, when dropped.
#[derive(Debug)]
pub struct Server<S> {
    /// What it was made with.
    pub(crate) home: S,
    binary: PathBuf,
    port: Port,
    pub(crate) child: Child,
    launch: Launch<S>,
}

impl<S> Server<S> {
    /// On the port that is wanted, or on a free one.
    pub(crate) fn start(
        home: S,
        binary: PathBuf,
        wanted: Option<u16>,
        launch: Launch<S>,
    ) -> Result<Self, Error> {
        let (port, child) = port::claim(wanted, |port| launch(&home, &binary, port))?;
        Ok(Self { home, binary, port, child, launch })
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Does the process live?
    pub fn is_running(&mut self) -> bool {
        self.child.is_running()
    }

    /// Where it writes what happens.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.child.log().to_owned()
    }

    /// Ends it and its descendants with signal 9.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Ends it and its descendants in an orderly way; after five seconds as [`Server::kill`].
    pub fn stop(&mut self) {
        self.child.stop();
    }

    /// Stops its process where it stands (`SIGSTOP`): its connections stay open and it answers nothing.
    pub fn pause(&self) {
        self.child.pause(true);
    }

    /// Lets a paused process go on as if nothing had been.
    pub fn resume(&self) {
        self.child.pause(false);
    }

    /// Another program for later starts: an upgrade.
    pub fn set_binary(&mut self, binary: impl Into<PathBuf>) {
        self.binary = binary.into();
    }

    /// Starts it again on the same port with all that it had; kills it first if it runs.
    ///
    /// # Errors
    /// It ends at once, or is not ready in time.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        self.child = (self.launch)(&self.home, &self.binary, self.port.number)?;
        Ok(())
    }
}
