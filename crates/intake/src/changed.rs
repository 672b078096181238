//! An original that changed after it was taken.
//!
//! An upload that pauses for longer than the partner's `min-age-seconds` looks complete. When it goes
//! on, an open SFTP handle follows the file wherever it was moved to, so the rest lands in `archive/`
//! or `quarantine/`, where nothing reads it. So originals are compared again with what was read. One
//! that changed goes back into the inbox: there the rest of the upload lands as well, and once it rests
//! it arrives as a file of its own. Its orders that were placed already are duplicates, and those that
//! differ are told of as conflicts.

use crate::access::Account;
use crate::complete::{Kind, NAME_BYTES_MAX};
use crate::ledger::{self, Changed, Ledger, Record};
use crate::sftp::{Error, Session};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::partner::Inbox;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

/// Of files up to this size the content is compared again, of larger ones size and time of change only.
pub const HASH_BYTES_MAX: u64 = 16 << 20;
/// Most bytes of a receipt that is amended.
const RECEIPT_BYTES_MAX: u64 = 16 << 20;
/// From how many files of one folder on the folder is listed.
const LIST_FROM: usize = 4;
const BLOCK_BYTES: usize = 1 << 18;
const ENDING_BYTES_MAX: usize = 16;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Size and time of change; the content only where the time alone differs.
    Times,
    /// The content too, up to [`HASH_BYTES_MAX`].
    Content,
}

/// Why what was found could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The partner's server.
    #[error(transparent)]
    Sftp(#[from] Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The work on the partner's server panicked.
    #[error("looking at an original ended unexpectedly")]
    Panicked,
}

/// How the original of `record` is now, if it is not what was read. Blocks.
///
/// # Errors
/// The server fails.
pub fn differs(
    session: &Session,
    record: &Record,
    depth: Depth,
    at: DateTime<Utc>,
) -> Result<Option<Changed>, Error> {
    let Some(path) = &record.results.original else { return Ok(None) };
    let Some(entry) = session.stat(path)?.filter(|entry| entry.kind == Kind::File) else {
        // Taken away: the partner may do so.
        return Ok(None);
    };
    is_other(session, record, path, (entry.size, entry.mtime), depth).map(|other| {
        other.then_some(Changed { at, size: entry.size, mtime: entry.mtime, back_as: None })
    })
}

fn is_other(
    session: &Session,
    record: &Record,
    path: &str,
    (size, mtime): (u64, u64),
    depth: Depth,
) -> Result<bool, Error> {
    if size != record.size {
        return Ok(true);
    }
    let reads = mtime != record.mtime || (depth == Depth::Content && size <= HASH_BYTES_MAX);
    match &record.sha256 {
        Some(known) if reads => Ok(sha256(session, path)?.is_some_and(|found| found != *known)),
        // Nothing was read of it.
        _ => Ok(mtime != record.mtime),
    }
}

fn sha256(session: &Session, path: &str) -> Result<Option<String>, Error> {
    let mut reader = match session.open_read(path) {
        Ok(reader) => reader,
        Err(Error::NotFound { .. } | Error::NotAFile { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK_BYTES]);
    loop {
        let count = reader.read(&mut block).map_err(|error| reader.explain(&error))?;
        match block.get(..count) {
            Some([]) | None => return Ok(Some(hex::encode(hash.finalize()))),
            Some(bytes) => hash.update(bytes),
        }
    }
}

/// Those of `records` whose originals are not what was read, or about which something is left to do.
/// Folders with several of them are listed once. Blocks.
///
/// # Errors
/// The server fails.
pub fn find(session: &Session, records: &[Arc<Record>]) -> Result<Vec<Arc<Record>>, Error> {
    let mut folders = BTreeMap::<&str, Vec<(&Arc<Record>, &str)>>::new();
    let mut found = Vec::new();
    for record in records {
        let Some(path) = &record.results.original else { continue };
        if record.changed.is_some() {
            found.push(record.clone());
        } else if let Some((folder, name)) = path.rsplit_once('/') {
            folders.entry(folder).or_default().push((record, name));
        }
    }
    for (folder, records) in folders {
        let listed = if records.len() < LIST_FROM { None } else { list(session, folder)? };
        for (record, name) in records {
            let path = format!("{folder}/{name}");
            let times = match &listed {
                Some(listed) => listed.get(name).copied(),
                None => session
                    .stat(&path)?
                    .filter(|entry| entry.kind == Kind::File)
                    .map(|entry| (entry.size, entry.mtime)),
            };
            if let Some(times) = times
                && is_other(session, record, &path, times, Depth::Times)?
            {
                found.push(record.clone());
            }
        }
    }
    Ok(found)
}

/// Size and time of change of each file.
type Times = BTreeMap<String, (u64, u64)>;

fn list(session: &Session, folder: &str) -> Result<Option<Times>, Error> {
    let listing = match session.list_counting(folder, |entry| entry.kind == Kind::File) {
        Ok(listing) => listing,
        Err(Error::NotFound { .. }) => return Ok(Some(Times::new())),
        Err(error) => return Err(error),
    };
    if listing.is_cut {
        return Ok(None);
    }
    let files = listing.entries.into_iter().filter(|entry| entry.kind == Kind::File);
    Ok(Some(files.map(|entry| (entry.name, (entry.size, entry.mtime))).collect()))
}

/// Puts the original of `record` back into the inbox, with what stands beside it. Gives its name there:
/// another one if a later file has its own. Nothing if it is not where it was moved to. Blocks.
///
/// # Errors
/// The server fails, or both names are taken.
pub fn put_back(
    session: &Session,
    inbox: &Inbox,
    record: &Record,
) -> Result<Option<String>, Error> {
    let Some(original) = &record.results.original else { return Ok(None) };
    let own = record.name.clone();
    let mut back = None;
    for name in [own, other_name(&record.name, &record.arrival)] {
        match session.rename(original, &format!("inbox/{name}")) {
            Ok(()) => {
                back = Some(Ok(name));
                break;
            }
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error @ Error::Exists { .. }) => back = Some(Err(error)),
            Err(error) => return Err(error),
        }
    }
    let name = back.transpose()?.unwrap_or_default();
    for suffix in inbox.checksum.iter().chain(&inbox.manifest) {
        let to = format!("inbox/{name}{suffix}");
        match session.rename(&format!("{original}{suffix}"), &to) {
            // One that came meanwhile belongs to a later file.
            Ok(()) | Err(Error::NotFound { .. } | Error::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(marker) = &inbox.done_marker {
        // It was removed when the file was moved, and would be waited for.
        session.put_atomic(&format!("inbox/{name}{marker}"), b"")?;
    }
    Ok(Some(name))
}

/// A name for a file beside another one of its name.
fn other_name(name: &str, arrival: &str) -> String {
    let mark: String = arrival.chars().take(8).collect();
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() < ENDING_BYTES_MAX => {
            (stem, format!(".{ending}"))
        }
        _ => (name, String::new()),
    };
    let room = NAME_BYTES_MAX.saturating_sub(ending.len() + mark.len() + 1);
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= room;
    let stem: String = stem.char_indices().take_while(fits).map(|(_, c)| c).collect();
    format!("{stem}~{mark}{ending}")
}

/// Puts the original of a file that is done back into the inbox, because it is not what was read, and
/// says so in ledger and receipt. Each step can be repeated. Nothing if there was nothing to do.
///
/// # Errors
/// The ledger or the partner's server does not answer; calling again is safe.
pub async fn settle(
    ledger: &Ledger,
    account: &Arc<Account>,
    record: &Record,
    depth: Depth,
    at: DateTime<Utc>,
) -> Result<Option<Record>, SettleError> {
    let here = (account.clone(), record.clone());
    let found = blocking(move || differs(&here.0.connect()?, &here.1, depth, at)).await?;
    // First, so that a process that goes on knows why the original is not there.
    let noted = ledger.amend(&record.partner, &record.arrival, |record| {
        let original = record.results.original.as_ref()?;
        let changed = record.changed.clone().or_else(|| found.clone())?;
        tracing::debug!(original, ?changed, "an original changed");
        Some(Record { changed: Some(changed), ..record.clone() })
    });
    let Some(noted) = noted.await? else { return Ok(None) };
    let here = (account.clone(), noted.clone());
    let back_as = blocking(move || {
        let (account, mut record) = here;
        let session = account.connect()?;
        let name = put_back(&session, &account.settings.inbox, &record)?;
        if let Some(changed) = &mut record.changed {
            changed.back_as = name.or(changed.back_as.take());
        }
        tell(&session, &record)?;
        Ok(record.changed.and_then(|changed| changed.back_as))
    })
    .await?;
    let settled = ledger.amend(&record.partner, &record.arrival, |record| {
        let mut record = record.clone();
        record.results.original = None;
        if let Some(changed) = &mut record.changed {
            changed.back_as.clone_from(&back_as);
        }
        Some(record)
    });
    let settled = settled.await?.unwrap_or(noted);
    tracing::warn!(
        partner = %settled.partner, file = ?settled.name, bytes = settled.size,
        back_as = ?back_as, changed = ?settled.changed,
        "a file was changed while it was processed; the new content will be processed as a new arrival"
    );
    Ok(Some(settled))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, SettleError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| SettleError::Panicked)??)
}

/// The amended text of a receipt; nothing if there is nothing to add.
type Amend = fn(&[u8], &Record, &Changed) -> Option<Vec<u8>>;

/// Adds to a receipt that its file changed; one that was taken away stays away.
fn tell(session: &Session, record: &Record) -> Result<(), Error> {
    let Some(changed) = &record.changed else { return Ok(()) };
    let results = &record.results;
    for (path, amend) in [(&results.receipt, in_json as Amend), (&results.receipt_csv, in_csv)] {
        let Some(path) = path else { continue };
        let mut text = Vec::new();
        match session.open_read(path) {
            Ok(mut reader) => {
                let read = (&mut reader).take(RECEIPT_BYTES_MAX).read_to_end(&mut text);
                read.map_err(|error| reader.explain(&error))?;
            }
            Err(Error::NotFound { .. } | Error::NotAFile { .. }) => continue,
            Err(error) => return Err(error),
        }
        if let Some(text) = amend(&text, record, changed) {
            session.put_atomic(path, &text)?;
        }
    }
    Ok(())
}

/// What a receipt says of a file that changed, in JSON.
#[must_use]
pub fn told(changed: &Changed) -> Value {
    json!({"at": changed.at, "size": changed.size, "back_as": changed.back_as,
        "note": NOTE})
}

/// The same for a spreadsheet: what, value, note.
#[must_use]
pub fn told_row(record: &Record, changed: &Changed) -> [String; 3] {
    let at = changed.at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let name = changed.back_as.as_deref().unwrap_or(&record.name);
    let value = format!("{} bytes, then {}", record.size, changed.size);
    ["changed after it was taken".to_owned(), value, format!("{at}: {NOTE}: inbox/{name}")]
}

const NOTE: &str =
    "the changed file was put back into the inbox and will be processed as a new arrival";

/// In front of the brace that ends it, so that everything else stays as it is.
fn in_json(text: &[u8], _: &Record, changed: &Changed) -> Option<Vec<u8>> {
    let receipt: Value = serde_json::from_slice(text).ok()?;
    if receipt.as_object()?.is_empty() || receipt.get("changed").is_some() {
        return None;
    }
    let body = text.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    Some([body, format!(",\n  \"changed\": {}\n}}", told(changed)).as_bytes()].concat())
}

fn in_csv(text: &[u8], record: &Record, changed: &Changed) -> Option<Vec<u8>> {
    let row = told_row(record, changed);
    let [what, ..] = &row;
    let is_there = |line: &[u8]| line.starts_with(what.as_bytes());
    if text.split(|byte| *byte == b'\n').any(is_there) {
        return None;
    }
    let mut csv = csv::Writer::from_writer(text.to_vec());
    csv.write_record(&row).ok()?;
    csv.into_inner().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::PartnerId;

    fn changed() -> (Record, Changed) {
        let at = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let us1 = PartnerId::parse("US1").unwrap();
        let record = Record::new("0123456789".into(), us1, "a.csv".into(), 10, 20, at);
        (record, Changed { at, size: 30, mtime: 40, back_as: Some("a.csv".into()) })
    }

    #[test]
    fn a_receipt_is_amended_once_and_only_if_it_is_one() {
        let (record, changed) = changed();
        let once = in_json(b"{\n  \"b\": 1,\n  \"a\": 2.50\n}\n", &record, &changed).unwrap();
        let text = String::from_utf8(once.clone()).unwrap();
        assert!(text.starts_with("{\n  \"b\": 1,\n  \"a\": 2.50,\n  \"changed\": {"), "{text}");
        let value: Value = serde_json::from_slice(&once).unwrap();
        assert_eq!(
            (&value["changed"]["size"], &value["changed"]["back_as"]),
            (&30.into(), &"a.csv".into())
        );
        for other in [&once[..], b"{}", b"[]", b"", b"{\"a\": "] {
            assert_eq!(in_json(other, &record, &changed), None);
        }
        let once = in_csv(b"what,value,note\n", &record, &changed).unwrap();
        let text = String::from_utf8(once.clone()).unwrap();
        assert!(
            text.contains("\nchanged after it was taken,\"10 bytes, then 30\",1970-"),
            "{text}"
        );
        assert_eq!(in_csv(&once, &record, &changed), None);
    }

    #[test]
    fn a_file_beside_another_one_of_its_name_has_a_name_that_can_be_used() {
        for (name, expected) in [
            ("a.csv", "a~01234567.csv"),
            ("a", "a~01234567"),
            (".a", ".a~01234567"),
            ("a.b.csv.gz", "a.b.csv~01234567.gz"),
        ] {
            assert_eq!(other_name(name, "0123456789"), expected);
        }
        for long in ["é".repeat(125) + "x.csv", "a.".to_owned() + &"b".repeat(253)] {
            assert!(other_name(&long, "0123456789").len() <= NAME_BYTES_MAX, "{long}");
        }
    }
}
