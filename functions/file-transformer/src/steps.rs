//! What is done on the partner's server. Blocking; every step can be repeated.

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
/// A half-written file in the depot that did not change for so long belongs to a killed process.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// Reads the file to its end, and what stands beside it.
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

/// Reads the file of `record`; `read` follows the bytes.
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
    // Never half a file: what was read must be what stands there now.
    if !reader.is_unchanged()? || read.load(Ordering::Relaxed) != record.size {
        return Err(Failure::Replaced);
    }
    pass.mark = reader.accessed();
    Ok(pass)
}

/// The start of a file beside the one that arrived: where it was moved to, or in the inbox.
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

/// Opens the file that arrived: in the inbox, or where it was moved to when it was judged.
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

/// Takes output and rejects out of the depot.
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
        tracing::debug!(%error, "leftovers of killed processes stay for now");
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

/// Puts files that fit into memory into the depot, each by its name.
pub(crate) fn put_small(account: &Account, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    put_all(&account.connect()?, files)
}

/// The same, unless the original is not what was read any more: then how it is now.
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

/// Puts files into the depot, and looks whether the original, to its content, is what was read.
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

/// What is known of the file that is moved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// It was just read; its time of last access by which it is known again, if the server has one.
    Read(Option<u64>),
    /// It was moved long ago, or never.
    Earlier,
}

/// Moves the original out of the inbox, if it is still there and still the one that was read. One that
/// is another one behind the move is said to be [`Failure::Replaced`], and stays for [`put_back`].
pub(crate) fn archive(account: &Account, record: &Record, known: Known) -> Result<(), Failure> {
    let Some(target) = &record.results.original else { return Ok(()) };
    let session = account.connect()?;
    let inbox = inbox(record);
    let is_it = |entry: &Entry| (entry.size, entry.mtime) == (record.size, record.mtime);
    match session.stat(&inbox)? {
        // If the target is there, what stands in the inbox came later.
        Some(entry) if is_it(&entry) && session.stat(target)?.is_none() => {
            if let Some((folder, _)) = target.rsplit_once('/') {
                session.make_folder(folder)?;
            }
            // The marker goes first: a later file of this name must not be complete by it.
            if let Some(marker) = &account.settings.inbox.done_marker {
                session.remove(&format!("{inbox}{marker}"))?;
            }
            move_sides(&session, account, &inbox, target)?;
            session.rename(&inbox, target)?;
        }
        // Moved by an earlier try, or replaced by a file that arrives by itself.
        found => tracing::debug!(file = %record.name, there = found.is_some(), "not moved"),
    }
    let Known::Read(mark) = known else { return Ok(()) };
    // Another one may have come between the look and the move, and an upload that goes on writes
    // wherever its file was moved to.
    let there = session.stat(target)?;
    if there.is_some_and(|there| !is_it(&there))
        || (mark.is_some() && session.accessed(target)?.is_some_and(|found| Some(found) != mark))
    {
        return Err(Failure::Replaced);
    }
    Ok(())
}

/// Moves what stands beside an original with it, as far as it is there.
fn move_sides(session: &Session, account: &Account, from: &str, to: &str) -> Result<(), Failure> {
    let settings = &account.settings.inbox;
    for suffix in settings.checksum.iter().chain(&settings.manifest) {
        match session.rename(&format!("{from}{suffix}"), &format!("{to}{suffix}")) {
            // An earlier try moved it, and what stands there now belongs to a later file.
            Ok(()) | Err(Error::NotFound { .. } | Error::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Puts what was moved back into the inbox, if anything was: it is not what was judged.
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
