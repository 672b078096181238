//! Reads an inbox twice over SFTP. Everything blocks except the wait in between, which needs no thread.

use domain::partner::Inbox;
use intake::access::Account;
use intake::arrival::Arrived;
use intake::complete::{self, Decision, Entry};
use intake::sftp::{Error, LIST_MAX, Listing, Session};
use std::time::Duration;

pub(crate) const INBOX: &str = "inbox";
/// A folder in which the server's clock can be read without touching partners' inboxes.
const DEPOT: &str = "depot";

/// The content of an inbox.
pub(crate) struct Seen {
    pub(crate) decision: Decision,
    /// Entries were omitted because there are too many.
    pub(crate) is_cut: bool,
    /// Number of hidden files, temporary files and folders that are not named individually.
    pub(crate) aside: usize,
}

/// The result of the first reading.
pub(crate) enum First {
    /// Nothing in it can become complete.
    Enough(Seen),
    /// The second reading must wait.
    Waiting(Box<Waiting>),
}

/// A session between the two readings.
pub(crate) struct Waiting {
    session: Session,
    entries: Vec<Entry>,
    pub(crate) wait: Duration,
}

/// Reads the inbox for the first time.
pub(crate) fn first(account: &Account) -> Result<First, Error> {
    let session = account.connect()?;
    let inbox = &account.settings.inbox;
    let listing = list(&session, inbox)?;
    let Some(wait) = complete::wait(&listing.entries, now(&session)?, inbox) else {
        return Ok(First::Enough(seen(&[], listing, 0, inbox)));
    };
    Ok(First::Waiting(Box::new(Waiting { session, entries: listing.entries, wait })))
}

impl Waiting {
    /// Reads the inbox for the second time, after the wait.
    pub(crate) fn second(self, inbox: &Inbox) -> Result<Seen, Error> {
        let listing = list(&self.session, inbox)?;
        let now = now(&self.session)?;
        Ok(seen(&self.entries, listing, now, inbox))
    }
}

/// Which of the files are still unchanged in the inbox.
pub(crate) fn standing(account: &Account, files: Vec<Arrived>) -> Result<Vec<Arrived>, Error> {
    let session = account.connect()?;
    let mut there = Vec::new();
    for file in files {
        let entry = session.stat(&format!("{INBOX}/{}", file.name))?;
        if entry.is_some_and(|entry| (entry.size, entry.mtime) == (file.size, file.mtime)) {
            there.push(file);
        }
    }
    Ok(there)
}

fn seen(first: &[Entry], second: Listing, now: u64, inbox: &Inbox) -> Seen {
    let mut decision = complete::decide(first, &second.entries, now, inbox);
    decision.skipped.extend(second.unreadable);
    Seen { decision, is_cut: second.is_cut, aside: second.aside }
}

/// Entries that can never be taken do not hide those that can.
fn list(session: &Session, inbox: &Inbox) -> Result<Listing, Error> {
    session.list_counting(INBOX, |entry| complete::counts(entry, inbox))
}

/// The reason for the entries that were omitted.
pub(crate) fn cut_reason() -> String {
    format!("the inbox has more than {LIST_MAX} entries; the others wait for the next check")
}

/// The reason for entries that are not named.
pub(crate) fn aside_reason(aside: usize) -> String {
    format!(
        "{aside} more that are never taken: hidden, temporary, folders or names that cannot be used"
    )
}

fn now(session: &Session) -> Result<u64, Error> {
    match session.now(DEPOT) {
        Err(Error::NotFound { .. }) => {
            session.make_folder(DEPOT)?;
            session.now(DEPOT)
        }
        result => result,
    }
}
