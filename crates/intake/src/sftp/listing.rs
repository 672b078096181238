//! What is in a folder.

use super::names::entry;
use super::{Error, Session};
use crate::complete::{BadName, Entry, Skip, Skipped};
use ssh2::ErrorCode;

/// Most entries of a folder that one look takes in.
pub const LIST_MAX: usize = 10_000;
/// Of entries that do not count, as hidden ones in an inbox, most that one look tells of.
pub const ASIDE_MAX: usize = 100;
/// Most entries that one look asks the server for, whatever they are.
pub const ASKED_MAX: usize = 1_000_000;

/// A folder as it was seen.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// What is in it, by name.
    pub entries: Vec<Entry>,
    /// Entries whose names cannot even be told apart: not UTF-8.
    pub unreadable: Vec<Skipped>,
    /// There are more than [`LIST_MAX`] entries that count; some are missing here.
    pub is_cut: bool,
    /// Entries that do not count and are missing here, beyond [`ASIDE_MAX`] of them.
    pub aside: usize,
}

impl Session {
    /// Everything in a folder but `.` and `..`, symbolic links not followed.
    ///
    /// # Errors
    /// There is no such folder, or the server fails.
    pub fn list(&self, folder: &str) -> Result<Listing, Error> {
        self.list_counting(folder, |_| true)
    }

    /// As [`Session::list`]; only what `counts` names takes the room of others, [`LIST_MAX`]. Of what
    /// does not, and of names that are not UTF-8, [`ASIDE_MAX`] are listed and the others counted.
    ///
    /// # Errors
    /// There is no such folder, or the server fails.
    pub fn list_counting(
        &self,
        folder: &str,
        counts: impl Fn(&Entry) -> bool,
    ) -> Result<Listing, Error> {
        let what = || format!("list {folder}");
        let path = self.path(folder)?;
        let mut dir = self.sftp.opendir(&path).map_err(|error| Error::ssh(what(), &error))?;
        let mut listing = Listing::default();
        let (mut counted, mut beside, mut is_whole) = (0, 0, false);
        for _ in 0..ASKED_MAX {
            let (name, stat) = match dir.readdir() {
                Ok(found) => found,
                Err(error) if is_end(&error) => {
                    is_whole = true;
                    break;
                }
                Err(error) => return Err(Error::ssh(what(), &error)),
            };
            let found = match name.to_str() {
                Some("." | "..") => continue,
                Some(name) => Some(entry(name, &stat)),
                None => None,
            };
            if found.as_ref().is_some_and(&counts) {
                if LIST_MAX <= counted {
                    break;
                }
                counted += 1;
            } else if ASIDE_MAX <= beside {
                listing.aside += 1;
                continue;
            } else {
                beside += 1;
            }
            match found {
                Some(entry) => listing.entries.push(entry),
                None => listing.unreadable.push(Skipped {
                    name: name.to_string_lossy().into_owned(),
                    reason: Skip::Name(BadName::Encoding),
                }),
            }
        }
        listing.is_cut = !is_whole;
        listing.entries.sort();
        listing.entries.dedup_by(|a, b| a.name == b.name);
        Ok(listing)
    }
}

fn is_end(error: &ssh2::Error) -> bool {
    // The crate says the end of a folder as if it were a failure of a local file.
    error.code() == ErrorCode::Session(libssh2_sys::LIBSSH2_ERROR_FILE)
}
