//! What decisions look up: how orders stand, and the documents that they are about.
//!
//! What was read of an order holds until an entry changes it. It was read after all facts up to a decision were
//! stored, so it is as new as that decision, or newer; the journal's state says whether the order changed since.

use crate::find;
use domain::WarehouseId;
use domain::invoice::{Account, Balance, Desk, Document, NextNumber, State, Unknown};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use messaging::Nats;
use messaging::stored::LookupError;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// When what was not found is looked for again: a leader that was replaced may answer for a moment.
const AGAIN: Duration = Duration::from_millis(500);
/// Questions at once.
const AT_ONCE: usize = 64;

/// What was looked up.
#[derive(Debug, Default)]
pub struct Looked {
    /// With the decision after which it was read.
    balances: BTreeMap<Account, (u64, Option<Balance>)>,
    documents: BTreeMap<String, Document>,
    /// Series whose next number is free.
    free: BTreeSet<String>,
}

/// Something cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// The server does not answer.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A document that a balance lists is not in the archive.
    #[error("document {0} is not in the stream INVOICES, though a balance lists it")]
    Document(String),
    /// The next number is a document's: the journal does not know of it.
    #[error(
        "{} is in the stream INVOICES, and the journal would give that number now: JOURNAL is an older copy than INVOICES. \
         Nothing is issued, so that no number is given twice. Stop, and put the newest copy of JOURNAL back; if there is \
         none, give the seller of {} another series-prefix in partners.yml. orderflow invoices verify shows what was issued",
        .0.number, .0.series
    )]
    Given(NextNumber),
}

impl Looked {
    /// As if these series had been looked up: a process that follows the journal needs to look once.
    #[must_use]
    pub fn sure_of(free: BTreeSet<String>) -> Self {
        Self { free, ..Self::default() }
    }

    /// Series whose next number is known to be free.
    #[must_use]
    pub const fn free(&self) -> &BTreeSet<String> {
        &self.free
    }

    /// Gives what is known, and still holds, of what a desk lacks; the result is what has to be looked up.
    pub fn give(
        &self,
        desk: &mut Desk<'_>,
        state: &State,
        lacks: impl Fn(&Desk<'_>) -> Option<Unknown>,
    ) -> Option<Unknown> {
        while let Some(unknown) = lacks(desk) {
            match &unknown {
                Unknown::Balance(account) => match self.balances.get(account) {
                    Some((at, balance)) if state.holds(account, *at) => {
                        desk.know_balance(account.clone(), balance.clone());
                    }
                    Some(_) | None => return Some(unknown),
                },
                Unknown::Document(number) => match self.documents.get(number) {
                    Some(document) => desk.know_document(document.clone()),
                    None => return Some(unknown),
                },
                Unknown::Free(next) if self.free.contains(&next.series) => {
                    desk.know_free(next.series.clone());
                }
                Unknown::Free(_) => return Some(unknown),
            }
        }
        None
    }

    /// How an order stands, as it was looked up.
    #[must_use]
    pub fn balance(&self, account: &Account) -> Option<&Balance> {
        self.balances.get(account)?.1.as_ref()
    }

    /// Looks up after decision `at`, whose facts are all stored. Orders that `is_new` says are new need no second
    /// look if nothing is found.
    ///
    /// # Errors
    /// The server does not answer, or the archive lacks a document.
    pub async fn look(
        &mut self,
        nats: &Nats,
        warehouse: &WarehouseId,
        at: u64,
        unknown: Vec<Unknown>,
        is_new: impl Fn(&Account) -> bool,
    ) -> Result<(), Missing> {
        let (mut found, mut open) = (self.all(nats, warehouse, unknown).await?, Vec::new());
        found.retain(|found| {
            let sure = match found {
                Found::Balance(account, None) => is_new(account),
                Found::Document(_, None) => false,
                Found::Balance(..) | Found::Document(..) | Found::Next(..) => true,
            };
            if !sure {
                open.push(found.unknown());
            }
            sure
        });
        if !open.is_empty() {
            tokio::time::sleep(AGAIN).await;
            found.extend(self.all(nats, warehouse, open).await?);
        }
        for found in found {
            match found {
                Found::Balance(account, balance) => {
                    self.balances.insert(account, (at, balance.map(|balance| *balance)));
                }
                Found::Document(number, Some(document)) => {
                    self.documents.insert(number, *document);
                }
                Found::Document(number, None) => return Err(Missing::Document(number)),
                Found::Next(next, false) => drop(self.free.insert(next.series)),
                Found::Next(next, true) => return Err(Missing::Given(next)),
            }
        }
        Ok(())
    }

    async fn all(
        &self,
        nats: &Nats,
        warehouse: &WarehouseId,
        unknown: Vec<Unknown>,
    ) -> Result<Vec<Found>, LookupError> {
        let look = stream::iter(unknown).map(|unknown| async move {
            Ok(match unknown {
                Unknown::Balance(account) => {
                    let found = find::balance(nats, warehouse, &account).await?;
                    Found::Balance(account, found.map(|(balance, _)| Box::new(balance)))
                }
                Unknown::Document(number) => {
                    let found = find::document(nats, &number).await?;
                    Found::Document(number, found.map(|(document, _)| Box::new(document)))
                }
                Unknown::Free(next) => {
                    let given = find::document(nats, &next.number).await?.is_some();
                    Found::Next(next, given)
                }
            })
        });
        look.buffer_unordered(AT_ONCE).try_collect().await
    }
}

enum Found {
    Balance(Account, Option<Box<Balance>>),
    Document(String, Option<Box<Document>>),
    /// With whether it is given already.
    Next(NextNumber, bool),
}

impl Found {
    fn unknown(&self) -> Unknown {
        match self {
            Self::Balance(account, _) => Unknown::Balance(account.clone()),
            Self::Document(number, _) => Unknown::Document(number.clone()),
            Self::Next(next, _) => Unknown::Free(next.clone()),
        }
    }
}
