//! Claims: entries that keep second keys unique.

use super::entry::{Entry, Proposed, Refused};
use super::{Error, ROUNDS, Record, Records, Standing};
use crate::wire::Wire;
use messaging::publish::Published;
use serde::{Deserialize, Serialize};

/// Who has a second key, as long as that record needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// The record's key.
    pub(super) owner: String,
    /// Sequence of the entry that proposed the change for which it was claimed. Claims of the first form have
    /// none: they count while the record holds the value.
    #[serde(default)]
    proposed_at: u64,
}

/// What became of the claims of a proposed change.
pub(super) enum Claimed {
    /// It has them all.
    All,
    /// Another record has one.
    Refused(Refused),
    /// The record has proposed another change since.
    Overtaken,
}

/// What became of one of them.
enum Taken {
    /// It is ours.
    Ours,
    /// The record with this key has it.
    Others(String),
    /// The record has claimed it for a later change.
    Overtaken,
}

impl<T: Record, W: Wire> Records<T, W> {
    fn claim_subject(claim: &str) -> String {
        format!("$KV.{}.claim.{claim}", T::BUCKET)
    }

    pub(super) async fn claim(&self, claim: &str) -> Result<Standing<Claim>, Error> {
        self.value(&Self::claim_subject(claim)).await
    }

    /// Claims all that the change needs that `entry`, which has that sequence, proposes. It does so in one
    /// order for all records, so that two that want the same never wait for each other.
    pub(super) async fn claim_all(
        &self,
        owner: &str,
        (sequence, entry): (u64, &Entry<T>),
        proposed: &Proposed<T>,
    ) -> Result<Claimed, Error> {
        let write = &proposed.write;
        let mine = Claim { owner: owner.to_owned(), proposed_at: sequence };
        for claim in Entry::lacks(Some(entry), &proposed.value) {
            match self.take(&claim, &mine).await? {
                Taken::Ours => {}
                Taken::Others(owner) => {
                    let name = claim.split('.').next().unwrap_or_default().to_owned();
                    return Ok(Claimed::Refused(Refused { write: write.clone(), name, owner }));
                }
                Taken::Overtaken => return Ok(Claimed::Overtaken),
            }
        }
        Ok(Claimed::All)
    }

    /// Makes a claim ours, unless another record has it, or ours for a later change.
    async fn take(&self, claim: &str, mine: &Claim) -> Result<Taken, Error> {
        let subject = Self::claim_subject(claim);
        for _ in 0..ROUNDS {
            let (sequence, held) = self.claim(claim).await?;
            if let Some(held) = held {
                if held.owner != mine.owner {
                    let (at, entry) = self.entry(&held.owner).await?;
                    if let Some(entry) = entry {
                        if entry.holds(claim) {
                            return Ok(Taken::Others(held.owner));
                        }
                        if entry.proposed.is_some() && at == held.proposed_at {
                            // It came first, and its writer may be gone.
                            self.resolved(&held.owner).await?;
                            continue;
                        }
                    }
                } else if held.proposed_at == mine.proposed_at {
                    return Ok(Taken::Ours);
                } else if mine.proposed_at < held.proposed_at {
                    return Ok(Taken::Overtaken);
                }
                // Our own of an earlier change is written again: who looks at it now and finds that the
                // record does not need it must not take it over afterwards.
            }
            if let Published::Stored(_) = self.put(subject.clone(), mine, sequence).await? {
                return Ok(Taken::Ours);
            }
        }
        Err(Self::busy(&subject))
    }

    /// Removes a claim of a record that does not need it, and the mark that an earlier version left where it was
    /// killed. A second key may be personal: nothing of it stays.
    pub(super) async fn release(&self, claim: &str, owner: &str) -> Result<(), Error> {
        let (sequence, held) = self.claim(claim).await?;
        if sequence == 0 || held.is_some_and(|held| held.owner != owner) {
            return Ok(());
        }
        // After the claim was looked at: if it is needed again since, it is written again, and what is removed
        // is only what was looked at.
        if let (_, Some(entry)) = self.entry(owner).await?
            && entry.needs(claim)
        {
            return Ok(());
        }
        let subject = Self::claim_subject(claim);
        Ok(self.wire.remove(&Self::stream(), &subject, sequence).await?)
    }
}
