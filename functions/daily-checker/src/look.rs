//! Two looks into an inbox, over SFTP. Blocks.

use domain::partner::Inbox;
use intake::access::Account;
use intake::complete::{self, Decision};
use intake::sftp::{Error, LIST_MAX, Listing, Session};

pub(crate) const INBOX: &str = "inbox";
/// Where the server's clock is asked; partners' inboxes stay as they are.
const DEPOT: &str = "depot";

/// What is in an inbox.
pub(crate) struct Seen {
    pub(crate) decision: Decision,
    /// Something was left out for the number of entries.
    pub(crate) is_cut: bool,
}

/// Looks, waits as long as the files need, and looks again.
pub(crate) fn look(account: &Account) -> Result<Seen, Error> {
    let session = account.connect()?;
    let first = session.list(INBOX)?;
    let Some(wait) = complete::wait(&first.entries, now(&session)?, &account.settings.inbox) else {
        return Ok(seen(&[], first, 0, &account.settings.inbox));
    };
    std::thread::sleep(wait);
    let second = session.list(INBOX)?;
    let now = now(&session)?;
    Ok(seen(&first.entries, second, now, &account.settings.inbox))
}

fn seen(first: &[complete::Entry], second: Listing, now: u64, inbox: &Inbox) -> Seen {
    let mut decision = complete::decide(first, &second.entries, now, inbox);
    decision.skipped.extend(second.unreadable);
    Seen { decision, is_cut: second.is_cut }
}

/// Why the rest of a long listing is missing.
pub(crate) fn cut_reason() -> String {
    format!("the inbox has more than {LIST_MAX} entries; the others wait for the next check")
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
