//! Two looks into an inbox, over SFTP. Everything blocks but the time between them, which is spent
//! without a thread.

use domain::partner::Inbox;
use intake::access::Account;
use intake::arrival::Arrived;
use intake::complete::{self, Decision, Entry};
use intake::sftp::{Error, LIST_MAX, Listing, Session};
use std::time::Duration;

pub(crate) const INBOX: &str = "inbox";
/// Where the server's clock is asked; partners' inboxes stay as they are.
const DEPOT: &str = "depot";

/// What is in an inbox.
pub(crate) struct Seen {
    pub(crate) decision: Decision,
    /// Something was left out for the number of entries.
    pub(crate) is_cut: bool,
    /// So many hidden and temporary files and folders are not named one by one.
    pub(crate) aside: usize,
}

/// What the first look found.
pub(crate) enum First {
    /// Nothing there can become complete.
    Enough(Seen),
    /// The second look has to wait.
    Waiting(Box<Waiting>),
}

/// A session between two looks.
pub(crate) struct Waiting {
    session: Session,
    entries: Vec<Entry>,
    pub(crate) wait: Duration,
}

/// The first look.
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
    /// The second look, when the wait is over.
    pub(crate) fn second(self, inbox: &Inbox) -> Result<Seen, Error> {
        let listing = list(&self.session, inbox)?;
        let now = now(&self.session)?;
        Ok(seen(&self.entries, listing, now, inbox))
    }
}

/// Which of the files still stand in the inbox as they were seen.
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

/// What can never be taken does not keep what can from being seen.
fn list(session: &Session, inbox: &Inbox) -> Result<Listing, Error> {
    session.list_counting(INBOX, |entry| complete::counts(entry, inbox))
}

/// Why the rest of a long listing is missing.
pub(crate) fn cut_reason() -> String {
    format!("the inbox has more than {LIST_MAX} entries; the others wait for the next check")
}

/// Why so many entries are not named.
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
