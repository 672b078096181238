//! Reading and writing a file.

use super::names::{entry, join, temporary_name};
use super::{Error, Session};
use crate::complete::{Entry, Kind, check_name};
use sha2::{Digest as _, Sha256};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufReader, BufWriter, Read, Write};

/// The library asks for several packets at once only as far as the buffer goes.
const BUFFER_BYTES: usize = 1 << 20;
/// Attempts to replace a file that others write too.
const REPLACEMENTS_MAX: u32 = 5;
/// Times of access that mark a file: from 2029 to 2038. They are ahead, so that no reader moves them
/// where times of access are kept as Linux does, and what every file system can hold.
const MARK_FROM: u64 = (1 << 31) - MARKS;
const MARKS: u64 = 1 << 28;

impl Session {
    /// Opens a regular file. What [`Reader::entry`] says is of the file that was opened, whatever
    /// happens to its name.
    ///
    /// # Errors
    /// There is none, it is something else, or the server fails.
    pub fn open_read(&self, path: &str) -> Result<Reader, Error> {
        let what = || format!("open {path}");
        // Opening a pipe would wait for its writer, so look first.
        let before = self.stat(path)?.ok_or_else(|| Error::NotFound { what: what() })?;
        let not_a_file = || Error::NotAFile { path: path.to_owned() };
        if before.kind != Kind::File {
            return Err(not_a_file());
        }
        let ssh = |error| Error::ssh(what(), &error);
        let mut file = self.sftp.open(&self.path(path)?).map_err(ssh)?;
        let opened = entry(&before.name, &file.stat().map_err(ssh)?);
        if opened.kind != Kind::File { Err(not_a_file()) } else { Ok(Reader::new(file, opened)) }
    }

    /// Begins a file that appears under its name, complete, with [`Upload::commit`].
    ///
    /// # Errors
    /// The name cannot be used, the folder is missing, or the server fails.
    pub fn create<'a>(&'a self, path: &'a str) -> Result<Upload<'a>, Error> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if check_name(name).is_err() {
            return Err(Error::Path { path: path.to_owned(), reason: "not a name for a file" });
        }
        let temporary = join(folder, &temporary_name(name));
        let file = self.create_new(&temporary)?;
        Ok(Upload::new(self, file, temporary, path))
    }

    /// Puts a whole small file; see [`Upload::commit`].
    ///
    /// # Errors
    /// As [`Session::create`] and [`Upload::commit`].
    pub fn put_atomic(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        let mut upload = self.create(path)?;
        upload.write_all(content).map_err(|error| upload.explain(&error))?;
        upload.commit()
    }
}

/// An open file.
pub struct Reader {
    file: BufReader<ssh2::File>,
    entry: Entry,
    accessed: Option<u64>,
}

impl Reader {
    fn new(file: ssh2::File, entry: Entry) -> Self {
        Self { file: BufReader::with_capacity(BUFFER_BYTES, file), entry, accessed: None }
    }

    /// Gives the file a time of last access that no other file has: size and whole seconds are all
    /// that SFTP says about a file, and another one may have the same. A server that refuses is
    /// taken as it is.
    pub fn mark(&mut self) {
        let times = ssh2::FileStat {
            size: None,
            uid: None,
            gid: None,
            perm: None,
            atime: Some(MARK_FROM + RandomState::new().build_hasher().finish() % MARKS),
            mtime: Some(self.entry.mtime),
        };
        if let Err(error) = self.file.get_mut().setstat(times) {
            tracing::debug!(%error, file = self.entry.name, "not marked");
        }
    }

    /// The time of last access when [`Reader::is_unchanged`] asked.
    #[must_use]
    pub fn accessed(&self) -> Option<u64> {
        self.accessed
    }

    /// Name, size and time of the file when it was opened.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Is the open file still as it was when it was opened? Ask after reading.
    ///
    /// # Errors
    /// The server fails.
    pub fn is_unchanged(&mut self) -> Result<bool, Error> {
        let stat = self.file.get_mut().stat();
        let stat =
            stat.map_err(|error| Error::ssh(format!("look again at {}", self.entry.name), &error))?;
        self.accessed = stat.atime;
        Ok(stat.size == Some(self.entry.size) && stat.mtime == Some(self.entry.mtime))
    }

    /// The error of a read, with what was read.
    #[must_use]
    pub fn explain(&self, error: &std::io::Error) -> Error {
        Error::io(format!("read {}", self.entry.name), error)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read(buffer)
    }
}

/// A file being written under a temporary name; removed again when it is dropped before
/// [`Upload::commit`].
pub struct Upload<'a> {
    session: &'a Session,
    /// Nothing after commit.
    file: Option<BufWriter<ssh2::File>>,
    temporary: String,
    target: &'a str,
    hash: Sha256,
    size: u64,
}

impl<'a> Upload<'a> {
    fn new(session: &'a Session, file: ssh2::File, temporary: String, target: &'a str) -> Self {
        let file = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
        Self { session, file, temporary, target, hash: Sha256::new(), size: 0 }
    }

    /// Bytes written so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The error of a write, with what was written; says when the server's disk is full, which
    /// OpenSSH does not.
    #[must_use]
    pub fn explain(&mut self, error: &std::io::Error) -> Error {
        let what = format!("write {}", self.target);
        let space = self.file.as_mut().and_then(|file| file.get_mut().statvfs().ok());
        match (space, Error::io(what.clone(), error)) {
            (Some(space), Error::Protocol { .. }) if space.f_bavail == 0 => Error::NoSpace { what },
            (_, error) => error,
        }
    }

    /// Gives the file its name. If a file of that name with the same content is there, that one
    /// stays; one with other content is replaced, so that for a moment none is there.
    ///
    /// # Errors
    /// The server fails, or something that is no file has the name.
    pub fn commit(mut self) -> Result<(), Error> {
        let what = || format!("write {}", self.target);
        if let Some(mut file) = self.file.take() {
            if let Err(error) = file.flush() {
                self.file = Some(file);
                return Err(self.explain(&error));
            }
            let closed = file.get_mut().close();
            closed.map_err(|error| Error::ssh(what(), &error))?;
        }
        let session = self.session;
        for _ in 0..REPLACEMENTS_MAX {
            match session.rename(&self.temporary, self.target) {
                Err(Error::Exists { .. }) => {}
                result => return result,
            }
            if self.is_there()? {
                return session.remove(&self.temporary).map(drop);
            }
            session.remove(self.target)?;
        }
        Err(Error::Exists { what: what() })
    }

    /// Is a file with the same content under the name?
    fn is_there(&self) -> Result<bool, Error> {
        let mut reader = match self.session.open_read(self.target) {
            Ok(reader) => reader,
            // Another worker is just replacing it.
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        if reader.entry().size != self.size {
            return Ok(false);
        }
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = reader.read(&mut buffer).map_err(|error| reader.explain(&error))?;
            match buffer.get(..count) {
                Some([]) | None => return Ok(hash.finalize() == self.hash.clone().finalize()),
                Some(bytes) => hash.update(bytes),
            }
        }
    }
}

impl std::fmt::Debug for Upload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(file) = &mut self.file else { return Err(std::io::ErrorKind::BrokenPipe.into()) };
        let count = file.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.size += u64::try_from(count).unwrap_or_default();
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        // Without writing what is in the buffer.
        drop(file.into_parts());
        // What cannot be removed now is swept later.
        drop(self.session.remove(&self.temporary));
    }
}
