//! Claims: entries that keep second keys unique.

use super::entry::{Entry, Proposed, Refused};
use super::{Error, ROUNDS, Record, Records, Standing};
use crate::wire::{self, Wire};
use messaging::publish::Published;
use serde::{Deserialize, Serialize};

/// Who has a second key, as long as that record needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// The record's key.
    pub(super) owner: String,
    /// The change for which it was claimed.
    write: String,
}

impl<T: Record, W: Wire> Records<T, W> {
    fn claim_subject(claim: &str) -> String {
        format!("$KV.{}.claim.{claim}", T::BUCKET)
    }

    pub(super) async fn claim(&self, claim: &str) -> Result<Standing<Claim>, Error> {
        self.value(&Self::claim_subject(claim)).await
    }

    /// Claims all that a proposed change needs, in one order for all records, so that two that want the
    /// same never wait for each other. If one is taken, that is the result.
    pub(super) async fn claim_all(
        &self,
        owner: &str,
        entry: &Entry<T>,
        proposed: &Proposed<T>,
    ) -> Result<Option<Refused>, Error> {
        let mine = Claim { owner: owner.to_owned(), write: proposed.write.clone() };
        for claim in Entry::lacks(Some(entry), &proposed.value) {
            if let Some(other) = self.take(&claim, &mine).await? {
                let write = proposed.write.clone();
                return Ok(Some(Refused { write, claim, owner: other }));
            }
        }
        Ok(None)
    }

    /// Makes a claim ours; the result is the record that has it instead.
    async fn take(&self, claim: &str, mine: &Claim) -> Result<Option<String>, Error> {
        let subject = Self::claim_subject(claim);
        for _ in 0..ROUNDS {
            let (sequence, held) = self.claim(claim).await?;
            if let Some(held) = held {
                if held == *mine {
                    return Ok(None);
                }
                // Our own of another change is written again: who looks at it now and finds that the
                // record does not need it must not take it over afterwards.
                if held.owner != mine.owner
                    && let (_, Some(entry)) = self.entry(&held.owner).await?
                {
                    if entry.holds(claim) {
                        return Ok(Some(held.owner));
                    }
                    let proposed = entry.proposed.as_ref();
                    if proposed.is_some_and(|proposed| proposed.write == held.write) {
                        // It came first, and its writer may be gone.
                        self.resolved(&held.owner).await?;
                        continue;
                    }
                }
            }
            if let Published::Stored(_) = self.put(subject.clone(), mine, sequence).await? {
                return Ok(None);
            }
        }
        Err(Self::busy(&subject))
    }

    /// Removes a claim of a record that does not need it.
    pub(super) async fn release(&self, claim: &str, owner: &str) -> Result<(), Error> {
        let (sequence, held) = self.claim(claim).await?;
        if held.is_none_or(|held| held.owner != owner) {
            return Ok(());
        }
        // After the claim was looked at: if it is needed again since, it is written again.
        if let (_, Some(entry)) = self.entry(owner).await?
            && entry.needs(claim)
        {
            return Ok(());
        }
        let subject = Self::claim_subject(claim);
        let mark = wire::mark(subject.clone());
        if let Published::Stored(sequence) = self.wire.put(mark, sequence).await? {
            // A second key may be personal, and nothing of it is to stay.
            self.wire.remove(&Self::stream(), &subject, sequence).await?;
        }
        Ok(())
    }
}
