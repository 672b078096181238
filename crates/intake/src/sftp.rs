//! A client of one partner's folder on an SFTP server.
//!
//! Every call blocks, for at most the time-outs of [`Limits`]: use it on a thread of its own or in
//! `spawn_blocking`, never in an async task. Paths are relative to the partner's folder.

mod error;
mod listing;
mod names;
mod transfer;

pub use error::{Disposition, Error};
pub use listing::{ASIDE_MAX, ASKED_MAX, LIST_MAX, Listing};
pub use transfer::{Reader, Upload};

use crate::complete::{Entry, Kind};
use crate::host_key::{self, HostKey};
use domain::partner::Sftp;
use names::{entry, is_temporary, join, temporary_name};
use ssh2::{MethodType, OpenFlags, OpenType, RenameFlags};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

const FOLDER_MODE: i32 = 0o755;
const FILE_MODE: i32 = 0o644;

/// What proves who we are.
#[derive(Clone, Copy)]
pub enum Login<'a> {
    /// A private key without passphrase, in OpenSSH or PEM format.
    PrivateKey(&'a str),
    /// A password.
    Password(&'a str),
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect to one address.
    pub connect: Duration,
    /// To answer one call.
    pub call: Duration,
    /// Between two signs of life of an idle session, see [`Session::keep_alive`].
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            call: Duration::from_secs(30),
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// A logged-in session.
pub struct Session {
    session: ssh2::Session,
    sftp: ssh2::Sftp,
    root: PathBuf,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects, checks the host key and logs in.
    ///
    /// # Errors
    /// The server does not answer, is another one, or does not take the login.
    pub fn connect(server: &Sftp, login: Login<'_>, limits: Limits) -> Result<Self, Error> {
        let address = format!("{}:{}", server.host, server.port);
        let configured = HostKey::parse(&server.host_key)
            .map_err(|source| Error::BadHostKey { address: address.clone(), source })?;
        let what = |step: &str| format!("{step} {address}");
        let ssh = |step: &'static str| move |error: ssh2::Error| Error::ssh(what(step), &error);
        let stream = tcp(&server.host, server.port, &address, limits.connect)?;
        let mut session = ssh2::Session::new().map_err(ssh("prepare a session with"))?;
        session.set_timeout(u32::try_from(limits.call.as_millis()).unwrap_or(u32::MAX));
        session
            .method_pref(MethodType::HostKey, configured.algorithms())
            .map_err(ssh("ask for the type of host key of"))?;
        session.set_tcp_stream(stream);
        session.handshake().map_err(ssh("shake hands with"))?;
        let presented = session.host_key().map(|(raw, _)| raw.to_vec()).unwrap_or_default();
        if !configured.is(&presented) {
            return Err(Error::HostKey {
                address,
                presented: host_key::fingerprint(&presented),
                configured: configured.fingerprint(),
            });
        }
        log_in(&session, &server.user, login, &address)?;
        let interval = u32::try_from(limits.keep_alive.as_secs()).unwrap_or(u32::MAX);
        session.set_keepalive(true, interval);
        let sftp = session.sftp().map_err(ssh("start SFTP on"))?;
        Ok(Self { session, sftp, root: PathBuf::from(&server.path) })
    }

    /// Tells the server that we are still here, if it is time to; call it while nothing else goes
    /// on, at least as often as [`Limits::keep_alive`].
    ///
    /// # Errors
    /// The connection is lost.
    pub fn keep_alive(&self) -> Result<(), Error> {
        let sent = self.session.keepalive_send();
        sent.map(drop).map_err(|error| Error::ssh("keep the session alive", &error))
    }

    /// What is at a path, if anything; a symbolic link is not followed.
    ///
    /// # Errors
    /// The server fails.
    pub fn stat(&self, path: &str) -> Result<Option<Entry>, Error> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match self.sftp.lstat(&self.path(path)?) {
            Ok(stat) => Ok(Some(entry(name, &stat))),
            Err(error) => match Error::ssh(format!("look at {path}"), &error) {
                Error::NotFound { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// When the file at a path was last accessed, if there is one: see [`Reader::mark`].
    ///
    /// # Errors
    /// The server fails.
    pub fn accessed(&self, path: &str) -> Result<Option<u64>, Error> {
        match self.sftp.lstat(&self.path(path)?) {
            Ok(stat) => Ok(stat.atime),
            Err(error) => match Error::ssh(format!("look at {path}"), &error) {
                Error::NotFound { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Gives a file another name, which must be free.
    ///
    /// # Errors
    /// The file is not there, the name is taken, or the server fails.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let (source, target) = (self.path(from)?, self.path(to)?);
        // Without the flag for overwriting; servers of this version of SFTP do not overwrite anyway.
        let flags = RenameFlags::ATOMIC | RenameFlags::NATIVE;
        let Err(error) = self.sftp.rename(&source, &target, Some(flags)) else { return Ok(()) };
        let what = || format!("rename {from} to {to}");
        match Error::ssh(what(), &error) {
            // OpenSSH says only `failure` when the name is taken.
            Error::Protocol { .. } if self.stat(to)?.is_some() => {
                Err(Error::Exists { what: what() })
            }
            error => Err(error),
        }
    }

    /// Makes a folder and those above it, as far as they are missing.
    ///
    /// # Errors
    /// A file is in the way, the login may not, or the server fails.
    pub fn make_folder(&self, folder: &str) -> Result<(), Error> {
        let mut made = String::new();
        for part in folder.split('/') {
            made = join(&made, part);
            let Err(error) = self.sftp.mkdir(&self.path(&made)?, FOLDER_MODE) else { continue };
            let what = || format!("make the folder {made}");
            match self.stat(&made)? {
                Some(entry) if entry.kind == Kind::Directory => {}
                Some(_) => return Err(Error::Exists { what: what() }),
                None => return Err(Error::ssh(what(), &error)),
            }
        }
        Ok(())
    }

    /// Removes a file; whether there was one.
    ///
    /// # Errors
    /// The login may not, or the server fails.
    pub fn remove(&self, path: &str) -> Result<bool, Error> {
        match self.sftp.unlink(&self.path(path)?) {
            Ok(()) => Ok(true),
            Err(error) => match Error::ssh(format!("remove {path}"), &error) {
                Error::NotFound { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// The server's time in seconds since 1970: that of a file made in `folder` and removed again.
    ///
    /// # Errors
    /// The login may not write there, or the server fails.
    pub fn now(&self, folder: &str) -> Result<u64, Error> {
        let path = join(folder, &temporary_name("clock"));
        let mut file = self.create_new(&path)?;
        let stat = file.stat();
        drop(file);
        self.remove(&path)?;
        let stat = stat.map_err(|error| Error::ssh(format!("look at {path}"), &error))?;
        Ok(stat.mtime.unwrap_or_default())
    }

    /// Removes temporary files of this module that were left in `folder` by a process that was
    /// killed and have not changed for `age`; how many.
    ///
    /// # Errors
    /// As [`Session::list`] and [`Session::remove`].
    pub fn sweep(&self, folder: &str, age: Duration) -> Result<usize, Error> {
        let leftovers: Vec<_> = self
            .list_counting(folder, |entry| is_temporary(&entry.name))?
            .entries
            .into_iter()
            .filter(|entry| entry.kind == Kind::File && is_temporary(&entry.name))
            .collect();
        if leftovers.is_empty() {
            return Ok(0);
        }
        let now = self.now(folder)?;
        let mut removed = 0;
        for entry in leftovers {
            if age.as_secs() <= now.saturating_sub(entry.mtime) {
                removed += usize::from(self.remove(&join(folder, &entry.name))?);
            }
        }
        Ok(removed)
    }

    fn create_new(&self, path: &str) -> Result<ssh2::File, Error> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        let full = self.path(path)?;
        let file = self.sftp.open_mode(&full, flags, FILE_MODE, OpenType::File);
        file.map_err(|error| Error::ssh(format!("create {path}"), &error))
    }

    /// The path on the server; refuses everything that could lead out of the partner's folder.
    fn path(&self, relative: &str) -> Result<PathBuf, Error> {
        let refuse = |reason| Err(Error::Path { path: relative.to_owned(), reason });
        for part in relative.split('/') {
            match part {
                "" => return refuse("it has an empty part"),
                "." | ".." => return refuse("it leads elsewhere"),
                part if part.chars().any(char::is_control) => {
                    return refuse("it contains a control character");
                }
                _ => {}
            }
        }
        Ok(if self.root == Path::new(".") { relative.into() } else { self.root.join(relative) })
    }
}

fn tcp(host: &str, port: u16, address: &str, limit: Duration) -> Result<TcpStream, Error> {
    let unreachable = |source| Error::Unreachable { address: address.to_owned(), source };
    let addresses = (host, port).to_socket_addrs().map_err(unreachable)?;
    let mut last = std::io::Error::other("the name has no address");
    for socket in addresses {
        match TcpStream::connect_timeout(&socket, limit) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(unreachable)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

fn log_in(
    session: &ssh2::Session,
    user: &str,
    login: Login<'_>,
    address: &str,
) -> Result<(), Error> {
    let result = match login {
        // Secrets come trimmed, and a key needs the end of its last line.
        Login::PrivateKey(key) => {
            session.userauth_pubkey_memory(user, None, &format!("{}\n", key.trim()), None)
        }
        Login::Password(password) => session.userauth_password(user, password),
    };
    let Err(error) = result else { return Ok(()) };
    let what = || format!("log in to {address}");
    match Error::ssh(what(), &error) {
        Error::Protocol { message, .. } => match session.auth_methods(user) {
            Ok(_) => {
                Err(Error::Login { address: address.to_owned(), user: user.to_owned(), message })
            }
            // The library says of a connection that is lost here that the login was not taken.
            Err(lost) => Err(Error::ssh(what(), &lost)),
        },
        error => Err(error),
    }
}
