//! Two looks into an inbox, over SFTP. Blocks.

use domain::PartnerId;
use domain::partner::{Inbox, Sftp};
use intake::complete::{self, Decision};
use intake::sftp::{Error, LIST_MAX, Limits, Listing, Login, Session};
use runtime::Secret;

pub(crate) const INBOX: &str = "inbox";
/// Where the server's clock is asked; partners' inboxes stay as they are.
const DEPOT: &str = "depot";

/// A partner with a server.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) partner: PartnerId,
    pub(crate) server: Sftp,
    pub(crate) inbox: Inbox,
    pub(crate) credential: Credential,
}

#[derive(Clone)]
pub(crate) enum Credential {
    PrivateKey(Secret),
    Password(Secret),
}

/// What is in an inbox.
pub(crate) struct Seen {
    pub(crate) decision: Decision,
    /// Something was left out for the number of entries.
    pub(crate) is_cut: bool,
}

/// Looks, waits as long as the files need, and looks again.
pub(crate) fn look(source: &Source) -> Result<Seen, Error> {
    let login = match &source.credential {
        Credential::PrivateKey(key) => Login::PrivateKey(key.expose()),
        Credential::Password(password) => Login::Password(password.expose()),
    };
    let session = Session::connect(&source.server, login, Limits::default())?;
    let first = session.list(INBOX)?;
    let Some(wait) = complete::wait(&first.entries, now(&session)?, &source.inbox) else {
        return Ok(seen(&[], first, 0, &source.inbox));
    };
    std::thread::sleep(wait);
    let second = session.list(INBOX)?;
    let now = now(&session)?;
    Ok(seen(&first.entries, second, now, &source.inbox))
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
