//! Reads zip archives (PKWARE's APPNOTE.TXT) from a temporary file, because the list of entries is at
//! the end of an archive.
//!
//! An archive must contain exactly one file, stored or deflated. Features that order files do not need
//! are refused: encryption, several disks, zip64, other methods.

use crate::failure::Failure;
use crate::packed::{Caps, Meter, PackedError, Packing};
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Take};

/// Most entries of an archive, including folders.
const ENTRIES_MAX: u16 = 1_000;
/// Largest list of entries.
const LIST_BYTES_MAX: u32 = 1 << 20;
/// How many names are shown of an archive with several files.
const NAMES_SHOWN: usize = 5;
const BLOCK_BYTES: usize = 1 << 20;
/// Entries of spreadsheets: Office Open XML (ECMA-376), and `OpenDocument`.
const OF_SPREADSHEETS: [&str; 2] = ["xl/workbook.xml", "content.xml"];
/// The folder for metadata of macOS.
const OF_MACOS: &str = "__MACOSX/";

/// The record at the end of an archive: its length without comment, and the longest comment.
const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: u64 = 0xffff;
/// The record before it in archives of more than 4 GiB or 65,535 entries.
const END_64: [u8; 4] = *b"PK\x06\x07";
const END_64_BYTES: usize = 20;
/// An entry of the list, without its name and the following fields.
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
/// The header before an entry's bytes.
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const LOCAL_BYTES: u64 = 30;
/// Flags: an encrypted entry, and an encrypted list.
const ENCRYPTED: u16 = 1 | 1 << 13;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Passes the only file of the archive to `each`. The inner error says why that is not possible.
///
/// # Errors
/// Errors of `each`, and of reading the temporary file.
pub(crate) fn read_all<E: From<Failure>>(
    mut archive: File,
    caps: Caps<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Result<(), PackedError>, E> {
    let packed = archive.metadata().map_err(Failure::scratch)?.len();
    let entry = match find(&mut archive, packed) {
        Ok(entry) => entry,
        Err(Broken::File(error)) => return Err(Failure::scratch(error).into()),
        Err(Broken::Archive(reason)) => return Ok(Err(PackedError::Zip { reason })),
    };
    let mut meter = Meter::new(Packing::Zip, caps);
    let mut content = entry.content(archive);
    let (mut crc, mut block) = (Crc::new(), vec![0; BLOCK_BYTES]);
    loop {
        let len = match content.read(&mut block) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) => return Ok(Err(meter.broken(error))),
        };
        if let Err(error) = meter.add(len, packed) {
            return Ok(Err(error));
        }
        let bytes = block.get(..len).unwrap_or_default();
        crc.update(bytes);
        each(bytes)?;
    }
    if (crc.sum(), meter.bytes()) != (entry.crc, u64::from(entry.size)) {
        let other = "its checksum or size differs from what the archive states";
        return Ok(Err(meter.broken(io::Error::other(other))));
    }
    Ok(Ok(()))
}

/// Why an archive cannot be read.
enum Broken {
    /// The temporary file cannot be read.
    File(io::Error),
    Archive(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<&str> for Broken {
    fn from(reason: &str) -> Self {
        Self::Archive(reason.to_owned())
    }
}

/// A file in an archive.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    size: u32,
    /// Offset of its local header, later of its bytes.
    at: u64,
}

enum Content {
    Stored(Take<File>),
    Deflated(DeflateDecoder<Take<File>>),
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(bytes) => bytes.read(buffer),
            Self::Deflated(bytes) => bytes.read(buffer),
        }
    }
}

impl Entry {
    fn content(&self, archive: File) -> Content {
        let bytes = archive.take(self.packed.into());
        match self.method {
            DEFLATED => Content::Deflated(DeflateDecoder::new(bytes)),
            _ => Content::Stored(bytes),
        }
    }
}

/// The little-endian numbers of a record.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// Zero if the record is too short; callers check the length before.
    fn two(&self, at: usize) -> u16 {
        self.0.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
    }

    fn four(&self, at: usize) -> u32 {
        self.0.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
    }
}

/// The only file; the archive is then positioned at its first byte.
fn find(archive: &mut File, packed: u64) -> Result<Entry, Broken> {
    let mut files = list(archive, packed)?;
    files.retain(|entry| !entry.name.ends_with('/') && !entry.name.starts_with(OF_MACOS));
    let mut entry = match (files.pop(), files.len()) {
        (Some(entry), 0) => entry,
        (None, _) => return Err("it holds no file".into()),
        (Some(last), others) => {
            files.push(last);
            if files.iter().any(|entry| OF_SPREADSHEETS.contains(&entry.name.as_str())) {
                return Err("it is a spreadsheet; save it as CSV".into());
            }
            let names = files.iter().take(NAMES_SHOWN).map(|entry| format!("{:?}", entry.name));
            let names = names.collect::<Vec<_>>().join(", ");
            let more = if NAMES_SHOWN <= others { ", …" } else { "" };
            let reason = format!(
                "it contains {} files, but only one is allowed: {names}{more}",
                files.len()
            );
            return Err(Broken::Archive(reason));
        }
    };
    if entry.flags & ENCRYPTED != 0 {
        return Err(Broken::Archive(format!("{:?} in it is encrypted", entry.name)));
    }
    if ![STORED, DEFLATED].contains(&entry.method) {
        let reason = format!("{:?} in it is packed by the method {}", entry.name, entry.method);
        return Err(Broken::Archive(reason));
    }
    archive.seek(SeekFrom::Start(entry.at))?;
    let mut local = Vec::new();
    archive.take(LOCAL_BYTES).read_to_end(&mut local)?;
    let fields = Fields(&local);
    if !local.starts_with(&LOCAL) {
        return Err("its list of files points outside the archive".into());
    }
    entry.at += LOCAL_BYTES + u64::from(fields.two(26)) + u64::from(fields.two(28));
    if packed < entry.at + u64::from(entry.packed) {
        return Err("it is truncated".into());
    }
    archive.seek(SeekFrom::Start(entry.at))?;
    Ok(entry)
}

/// All entries.
fn list(archive: &mut File, packed: u64) -> Result<Vec<Entry>, Broken> {
    let (entries, bytes, from) = end(archive, packed)?;
    archive.seek(SeekFrom::Start(from.into()))?;
    let mut list = Vec::new();
    archive.take(bytes.into()).read_to_end(&mut list)?;
    let (mut rest, mut found) = (list.as_slice(), Vec::new());
    for _ in 0..entries {
        let fields = Fields(rest);
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(fields.two(at)));
        let next = rest.get(ENTRY_BYTES + name + extra + comment..);
        let name = rest.get(ENTRY_BYTES..ENTRY_BYTES + name);
        let (Some(name), Some(next), true) = (name, next, rest.starts_with(&ENTRY)) else {
            return Err("its list of files is broken".into());
        };
        found.push(Entry {
            name: String::from_utf8_lossy(name).into_owned(),
            flags: fields.two(8),
            method: fields.two(10),
            crc: fields.four(16),
            packed: fields.four(20),
            size: fields.four(24),
            at: fields.four(42).into(),
        });
        rest = next;
    }
    Ok(found)
}

/// The number of entries, and the size and offset of their list.
fn end(archive: &mut File, packed: u64) -> Result<(u16, u32, u32), Broken> {
    let longest = (END_BYTES + END_64_BYTES) as u64 + COMMENT_BYTES_MAX;
    archive.seek(SeekFrom::Start(packed.saturating_sub(longest)))?;
    let mut tail = Vec::new();
    archive.read_to_end(&mut tail)?;
    let is_end = |at: &usize| {
        let record = tail.get(*at..).unwrap_or_default();
        let comment = usize::from(Fields(record).two(20));
        record.starts_with(&END) && record.len() == END_BYTES + comment
    };
    let at = (0..tail.len()).rev().find(is_end).ok_or("its end is missing")?;
    let before = at.checked_sub(END_64_BYTES).and_then(|at| tail.get(at..));
    let fields = Fields(tail.get(at..).unwrap_or_default());
    let (entries, bytes) = (fields.two(10), fields.four(12));
    if before.is_some_and(|tail| tail.starts_with(&END_64)) {
        return Err("it has the format zip64, which is not supported".into());
    }
    if fields.two(4) != 0 || fields.two(8) != entries {
        return Err("it is one part of a multi-part archive; send a single file".into());
    }
    if ENTRIES_MAX < entries || LIST_BYTES_MAX < bytes {
        let reason = format!("it has {entries} entries, the limit is {ENTRIES_MAX}");
        return Err(Broken::Archive(reason));
    }
    Ok((entries, bytes, fields.four(16)))
}

#[cfg(test)]
mod tests;
