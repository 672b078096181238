//! An operator's way past a message that nobody can decide.

use super::input::Claim;
use super::{
    Applied, Book, BoundKey, Command, Decide, Error, Journal, KeyUse, Log, LogError, Place,
    Position, Refused, Skip, What, extent,
};
use messaging::Nats;
use messaging::stored::{self, LookupError, Standing};

/// Most characters of a reason.
pub const REASON_MAX: usize = 500;
/// How often the position is looked at again that others have just moved.
const LOOKS_MAX: u32 = 5;

/// What is to be skipped.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The input's stream.
    pub stream: &'a str,
    /// The filter under which it is read.
    pub filter: &'a str,
    /// The message's sequence, so that no other one is skipped.
    pub sequence: u64,
    /// Why; 1 to [`REASON_MAX`] characters.
    pub reason: &'a str,
}

/// Why nothing is skipped.
#[derive(Debug, thiserror::Error)]
pub enum SkipError {
    /// The message is decided.
    #[error("{sequence} is decided: everything up to {decided_to} is")]
    Decided {
        /// What was asked for.
        sequence: u64,
        /// Up to where the input is decided.
        decided_to: u64,
    },
    /// There is no message to skip.
    #[error("nothing waits behind {decided_to}")]
    NothingWaits {
        /// Up to where the input is decided.
        decided_to: u64,
    },
    /// Only the next message can be skipped.
    #[error("the next message is {next}, not {sequence}")]
    NotNext {
        /// What was asked for.
        sequence: u64,
        /// The next message.
        next: u64,
        /// Up to where the input is decided.
        decided_to: u64,
    },
    /// The input is another one.
    #[error("the stream is not the one that was decided so far: rebase first")]
    Foreign {
        /// Up to where the input is decided.
        decided_to: u64,
    },
    /// The key was used for another command.
    #[error("the key was used for another command")]
    KeyUsed,
    /// Others are deciding; try again.
    #[error("the position is moving")]
    Moving,
    /// The server does not answer.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The server does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The journal does not answer, or is damaged.
    #[error(transparent)]
    Journal(#[from] Error),
}

impl SkipError {
    /// Up to where the input is decided, where that is why nothing is skipped.
    #[must_use]
    pub fn decided_to(&self) -> Option<u64> {
        match self {
            Self::Decided { decided_to, .. }
            | Self::NothingWaits { decided_to }
            | Self::NotNext { decided_to, .. }
            | Self::Foreign { decided_to } => Some(*decided_to),
            Self::KeyUsed | Self::Moving | Self::Lookup(_) | Self::Log(_) | Self::Journal(_) => {
                None
            }
        }
    }
}

/// The position moved between two looks.
struct Moved;

/// Passes over the next message of the input, in a journal of `book`.
///
/// # Errors
/// It is not the next one, or the server does not answer; then repeat the call with the same key.
pub async fn skip<B: Book, L: Log>(
    nats: &Nats,
    journal: &Journal<B, L>,
    book: &B,
    key: &BoundKey,
    request: Request<'_>,
) -> Result<Applied, SkipError> {
    for _ in 0..LOOKS_MAX {
        let look = journal.commit(|view| match view.fresh {
            true => Decide::Answer((view.keys.use_of(key), view.decided_to.cloned())),
            false => Decide::Refresh,
        });
        let (known, decided_to) = look.await?;
        match known {
            KeyUse::Applied => return Ok(Applied::Before),
            KeyUse::Other => return Err(SkipError::KeyUsed),
            KeyUse::New => {}
        }
        let (next, to) = next(nats, request, decided_to.as_ref()).await?;
        let in_force = book.in_force(nats, &next.subject).await?;
        let skip = Skip::of(&next, in_force, request.reason);
        let appended = journal.command(key, |view| {
            let what = What::Skip(skip.clone());
            match view.decided_to == decided_to.as_ref() {
                true => Ok(Command { what, decided_to: Some(to.clone()) }),
                false => Err(Moved),
            }
        });
        match appended.await? {
            Ok(applied) => return Ok(applied),
            // Others decided between the two looks, or used the key; the next look says which.
            Err(Refused::By(Moved) | Refused::KeyUsed) => {}
        }
    }
    Err(SkipError::Moving)
}

/// The message, if it is the next one, and the position behind it.
async fn next(
    nats: &Nats,
    request: Request<'_>,
    before: Option<&Position>,
) -> Result<(Standing, Position), SkipError> {
    let Request { stream, filter, sequence, .. } = request;
    let decided_to = before.map_or(0, |position| position.sequence);
    if sequence <= decided_to {
        return Err(SkipError::Decided { sequence, decided_to });
    }
    let Some(message) = stored::first(nats, stream, filter, decided_to + 1).await? else {
        return Err(SkipError::NothingWaits { decided_to });
    };
    if message.sequence != sequence {
        return Err(SkipError::NotNext { sequence, next: message.sequence, decided_to });
    }
    let input = extent(nats, stream, filter).await?;
    let to = input.position(Place::After(sequence))?;
    let is_it = |before: &Position| Claim::is_of(&input.claim, before);
    match before.is_none_or(is_it) {
        true => Ok((message, to)),
        false => Err(SkipError::Foreign { decided_to }),
    }
}
