//! The steps on the partner's server. They block, and each can be repeated.

use crate::control::{self, SIDE_BYTES_MAX, Sides};
use crate::failure::Failure;
use crate::memory::Share;
use crate::results::Results;
use crate::spool::{self, Bounds, Pass, Reading};
use crate::unpack::fill;
use chrono::{DateTime, Utc};
use intake::access::Account;
use intake::changed::{self, Depth};
use intake::complete::{Entry, NAME_BYTES_MAX};
use intake::ledger::{self, Changed, Record};
use intake::sftp::{Error, Reader, Session};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const BLOCK_BYTES: usize = 1 << 18;
/// A partial file in the depot that did not change for this long belongs to a killed process.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// Reads the file and its side files.
pub(crate) fn read(
    account: &Account,
    record: &Record,
    scratch: &Path,
    read: &AtomicU64,
    share: Arc<Share>,
) -> Result<(Pass, Sides), Failure> {
    let session = account.connect()?;
    let pass = whole(&session, account, record, scratch, read, share)?;
    let side = |suffix: &str| side(&session, record, suffix);
    Ok((pass, control::sides(&account.settings, &record.name, side)?))
}

/// Reads the file of `record`; `read` counts the bytes.
fn whole(
    session: &Session,
    account: &Account,
    record: &Record,
    scratch: &Path,
    read: &AtomicU64,
    share: Arc<Share>,
) -> Result<Pass, Failure> {
    let mut reader = open(session, record)?;
    let reading = Reading {
        partner: &account.settings,
        format: &account.format,
        products: account.products.clone(),
        keys: account.keys.as_deref(),
        bounds: Bounds::default(),
        share: Some(share),
        scratch,
    };
    let mut pass = spool::pass(&reading, |block| {
        let len = fill(block, |rest| reader.read(rest).map_err(|e| reader.explain(&e)))?;
        read.fetch_add(len as u64, Ordering::Relaxed);
        Ok::<_, Failure>(len)
    })?;
    // A partly replaced file is never used: the file must still be the one that was read.
    if !reader.is_unchanged()? || read.load(Ordering::Relaxed) != record.size {
        return Err(Failure::Replaced);
    }
    pass.mark = reader.accessed();
    Ok(pass)
}

/// The beginning of a side file: where the original was moved to, or in the inbox.
fn side(session: &Session, record: &Record, suffix: &str) -> Result<Option<Vec<u8>>, Failure> {
    if NAME_BYTES_MAX < record.name.len() + suffix.len() {
        return Ok(None);
    }
    let inbox = inbox(record);
    for path in record.results.original.as_ref().into_iter().chain([&inbox]) {
        match session.open_read(&format!("{path}{suffix}")) {
            Ok(mut reader) => {
                let mut bytes = Vec::new();
                let read = (&mut reader).take(SIDE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
                read.map_err(|error| reader.explain(&error))?;
                return Ok(Some(bytes));
            }
            Err(Error::NotFound { .. } | Error::NotAFile { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Opens the file that arrived: in the inbox, or where it was moved to after it was judged.
pub(crate) fn open(session: &Session, record: &Record) -> Result<Reader, Failure> {
    let inbox = inbox(record);
    for path in record.results.original.as_ref().into_iter().chain([&inbox]) {
        match session.open_read(path) {
            Ok(mut reader) => {
                let entry = reader.entry();
                if (entry.size, entry.mtime) == (record.size, record.mtime) {
                    reader.mark();
                    return Ok(reader);
                }
            }
            Err(Error::NotFound { .. } | Error::NotAFile { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Replaced)
}

/// Removes output and rejects from the depot.
pub(crate) fn withdraw(account: &Account, names: &ledger::Results) -> Result<(), Failure> {
    let session = account.connect()?;
    for name in names.output.iter().chain(&names.rejects) {
        session.remove(name)?;
    }
    Ok(())
}

/// Puts output and rejects into the depot.
pub(crate) fn upload(
    account: &Account,
    names: &ledger::Results,
    results: Option<&mut Results>,
) -> Result<(), Failure> {
    let Some(results) = results else { return Ok(()) };
    let session = account.connect()?;
    session.make_folder("depot")?;
    if let Err(error) = session.sweep("depot", LEFTOVER_AGE) {
        tracing::debug!(%error, "cannot remove leftovers of killed processes");
    }
    for (name, file) in
        [(&names.output, &mut results.output), (&names.rejects, &mut results.rejects)]
    {
        if let Some(name) = name {
            put(&session, name, file)?;
        }
    }
    Ok(())
}

fn put(session: &Session, name: &str, file: &mut File) -> Result<(), Failure> {
    let mut upload = session.create(name)?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let len = file.read(&mut block).map_err(Failure::scratch)?;
        let Some(bytes) = block.get(..len).filter(|bytes| !bytes.is_empty()) else { break };
        if let Err(error) = upload.write_all(bytes) {
            return Err(upload.explain(&error).into());
        }
    }
    Ok(upload.commit()?)
}

/// Puts files from memory into the depot, each with its name.
pub(crate) fn put_small(account: &Account, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    put_all(&account.connect()?, files)
}

/// The same, unless the original has changed since it was read; then returns its current state.
pub(crate) fn put_unless_changed(
    account: &Account,
    record: &Record,
    files: &[(String, Vec<u8>)],
    at: DateTime<Utc>,
) -> Result<Option<Changed>, Failure> {
    let session = account.connect()?;
    let changed = match &record.changed {
        Some(_) => None,
        None => changed::differs(&session, record, Depth::Times, at)?,
    };
    if changed.is_none() {
        put_all(&session, files)?;
    }
    Ok(changed)
}

/// Puts files into the depot, and checks whether the original, including its content, is still what was
/// read.
pub(crate) fn put_and_compare(
    account: &Account,
    record: &Record,
    files: &[(String, Vec<u8>)],
    at: DateTime<Utc>,
) -> Result<Option<Changed>, Failure> {
    let session = account.connect()?;
    put_all(&session, files)?;
    Ok(changed::differs(&session, record, Depth::Content, at)?)
}

fn put_all(session: &Session, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    session.make_folder("depot")?;
    for (name, content) in files {
        session.put_atomic(name, content)?;
    }
    Ok(())
}

/// What is known about the file that is moved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// It was just read; with its last access time, if the server has one.
    Read(Option<u64>),
    /// It was moved long ago, or never.
    Earlier,
}

/// Moves the original out of the inbox, if it is still the file that was read. If another file was
/// moved instead, returns [`Failure::Replaced`] and leaves that file for [`put_back`].
pub(crate) fn archive(account: &Account, record: &Record, known: Known) -> Result<(), Failure> {
    let Some(target) = &record.results.original else { return Ok(()) };
    let session = account.connect()?;
    let inbox = inbox(record);
    let is_it = |entry: &Entry| (entry.size, entry.mtime) == (record.size, record.mtime);
    match session.stat(&inbox)? {
        // If the target exists, the file in the inbox came later.
        Some(entry) if is_it(&entry) && session.stat(target)?.is_none() => {
            if let Some((folder, _)) = target.rsplit_once('/') {
                session.make_folder(folder)?;
            }
            // The marker is removed first, so that a later file with this name is not taken as
            // complete.
            if let Some(marker) = &account.settings.inbox.done_marker {
                session.remove(&format!("{inbox}{marker}"))?;
            }
            move_sides(&session, account, &inbox, target)?;
            session.rename(&inbox, target)?;
        }
        // An earlier attempt has moved it, or it was replaced by a file that arrives on its own.
        found => tracing::debug!(file = %record.name, there = found.is_some(), "not moved"),
    }
    let Known::Read(mark) = known else { return Ok(()) };
    // Another file may have come between the check and the move, and an upload in progress continues
    // writing to the moved file.
    let there = session.stat(target)?;
    if there.is_some_and(|there| !is_it(&there))
        || (mark.is_some() && session.accessed(target)?.is_some_and(|found| Some(found) != mark))
    {
        return Err(Failure::Replaced);
    }
    Ok(())
}

/// Moves the existing side files together with the original.
fn move_sides(session: &Session, account: &Account, from: &str, to: &str) -> Result<(), Failure> {
    let settings = &account.settings.inbox;
    for suffix in settings.checksum.iter().chain(&settings.manifest) {
        match session.rename(&format!("{from}{suffix}"), &format!("{to}{suffix}")) {
            // An earlier attempt has moved it, and the file there now belongs to a later one.
            Ok(()) | Err(Error::NotFound { .. } | Error::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Puts a moved file back into the inbox, because it is not the one that was judged.
pub(crate) fn put_back(
    account: &Account,
    record: &Record,
    at: DateTime<Utc>,
) -> Result<Option<Changed>, Failure> {
    let Some(original) = &record.results.original else { return Ok(None) };
    let session = account.connect()?;
    let entry = session.stat(original)?;
    let back_as = changed::put_back(&session, &account.settings.inbox, record)?;
    Ok(entry.filter(|_| back_as.is_some()).map(|entry| {
        let Entry { size, mtime, .. } = entry;
        Changed { at, size, mtime, back_as }
    }))
}

fn inbox(record: &Record) -> String {
    format!("inbox/{}", record.name)
}
