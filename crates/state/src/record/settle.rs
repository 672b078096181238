//! The steps that an entry still has to take, whoever began them.

use super::claim::Claimed;
use super::entry::Entry;
use super::{Error, ROUNDS, Record, Records, Standing};
use crate::wire::Wire;
use futures_util::future::BoxFuture;
use messaging::publish::Published;

impl<T: Record, W: Wire> Records<T, W> {
    /// The entry once nothing is proposed in it. It may need others to be so first, whose claims come later
    /// in the order: so this ends.
    pub(super) fn resolved<'a>(
        &'a self,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Standing<Entry<T>>, Error>> {
        Box::pin(async move {
            for _ in 0..ROUNDS {
                let (sequence, found) = self.entry(key).await?;
                let Some(entry) = found else { return Ok((sequence, None)) };
                let Some(proposed) = &entry.proposed else { return Ok((sequence, Some(entry))) };
                let next = match self.claim_all(key, (sequence, &entry), proposed).await? {
                    Claimed::All => entry.accepted(sequence, proposed),
                    Claimed::Refused(refused) => entry.rejected(proposed, refused),
                    Claimed::Overtaken => continue,
                };
                let put = self.put(Self::subject(key), &next, sequence).await?;
                if let Published::Stored(sequence) = put {
                    return Ok((sequence, Some(next)));
                }
            }
            Err(Self::busy(&Self::subject(key)))
        })
    }

    /// The entry once nothing is left to do.
    pub(super) async fn settled(&self, key: &str) -> Result<Standing<Entry<T>>, Error> {
        for _ in 0..ROUNDS {
            let (sequence, found) = self.resolved(key).await?;
            let Some(entry) = found else { return Ok((sequence, None)) };
            if entry.is_settled() {
                return Ok((sequence, Some(entry)));
            }
            for claim in &entry.release {
                self.release(claim, key).await?;
            }
            let Some(told) = self.tell(key, &entry, sequence).await? else { continue };
            let next = entry.settled(sequence, told);
            let put = self.put(Self::subject(key), &next, sequence).await?;
            if let Published::Stored(sequence) = put {
                return Ok((sequence, Some(next)));
            }
        }
        Err(Self::busy(&Self::subject(key)))
    }
}
