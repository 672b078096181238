//! Names and kinds of what is in a folder.

use crate::complete::{Entry, Kind};
use ssh2::FileStat;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn entry(name: &str, stat: &FileStat) -> Entry {
    use ssh2::FileType;
    let kind = match stat.file_type() {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::NamedPipe
        | FileType::BlockDevice
        | FileType::CharDevice
        | FileType::Socket
        | FileType::Other(_) => Kind::Other,
    };
    Entry {
        name: name.to_owned(),
        size: stat.size.unwrap_or_default(),
        mtime: stat.mtime.unwrap_or_default(),
        kind,
    }
}

pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Nobody else's: two workers that write the same file must not write into the same temporary one.
pub(super) fn temporary_name(name: &str) -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let (process, call) = (std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
    // Room for the rest of the name within what file systems take.
    let stem: String = name.chars().take(48).collect();
    format!(".{stem}.{process:x}-{call:x}-{nanos:x}.part")
}

pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".part")
}
