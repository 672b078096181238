//! What stands on the partners' servers.

use chrono::{DateTime, Utc};
use domain::PartnerId;
use futures_util::{StreamExt as _, stream};
use intake::access::Account;
use intake::complete::{self, Entry, Kind};
use intake::sftp::{Error, Session};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// Servers that are asked at once.
const AT_ONCE: usize = 8;

/// One partner's depot and inbox.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Depot {
    pub(crate) partner: PartnerId,
    pub(crate) count: usize,
    files: Vec<DepotFile>,
    inbox: Vec<DepotFile>,
    /// Why nothing could be seen.
    error: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DepotFile {
    name: String,
    size: u64,
    modified: Option<DateTime<Utc>>,
    /// Why a file in an inbox is never taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<String>,
}

/// Looks at all of them; a server that does not answer is named and keeps nobody waiting.
pub(crate) async fn all(accounts: Vec<Arc<Account>>) -> Vec<Depot> {
    let looks = accounts.into_iter().map(|account| async move {
        let partner = account.partner.clone();
        let seen = tokio::task::spawn_blocking(move || look(&account)).await;
        match seen {
            Ok(Ok((files, inbox))) => {
                Depot { partner, count: files.len(), files, inbox, error: None }
            }
            Ok(Err(error)) => failed(partner, error.to_string()),
            Err(_) => failed(partner, "the look ended unexpectedly".into()),
        }
    });
    stream::iter(looks).buffered(AT_ONCE).collect().await
}

fn failed(partner: PartnerId, error: String) -> Depot {
    tracing::warn!(%partner, %error, "the depot cannot be seen");
    Depot { partner, count: 0, files: Vec::new(), inbox: Vec::new(), error: Some(error) }
}

fn look(account: &Account) -> Result<(Vec<DepotFile>, Vec<DepotFile>), Error> {
    let session = account.connect()?;
    let inbox = &account.settings.inbox;
    let mut waiting = list(&session, "inbox", |entry| complete::counts(entry, inbox))?;
    for file in &mut waiting {
        file.never = complete::never_by_name(&file.name, inbox).map(|skip| skip.to_string());
    }
    Ok((list(&session, "depot", is_visible)?, waiting))
}

/// Regular files; a folder that nobody has made yet is empty. What does not count leaves its room to
/// what does.
fn list(
    session: &Session,
    folder: &str,
    counts: impl Fn(&Entry) -> bool,
) -> Result<Vec<DepotFile>, Error> {
    match session.list_counting(folder, counts) {
        Ok(listing) => Ok(listing.entries.into_iter().filter(is_visible).map(file).collect()),
        Err(Error::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_visible(entry: &Entry) -> bool {
    entry.kind == Kind::File && !entry.name.starts_with('.')
}

fn file(entry: Entry) -> DepotFile {
    DepotFile {
        name: entry.name,
        size: entry.size,
        modified: i64::try_from(entry.mtime).ok().and_then(|s| DateTime::from_timestamp(s, 0)),
        never: None,
    }
}
