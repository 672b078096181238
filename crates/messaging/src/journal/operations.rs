//! What people and other functions ask of a journal, beside deciding its input.

use super::input::Claim;
use super::{Book, Decide, Error, Journal, Log, LogError, Position, View};
use crate::Nats;
use crate::streams::identity::Identity;

/// Who did what a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// This call.
    Now,
    /// An earlier one.
    Before,
}

/// An entry that a command wants to append.
#[derive(Clone, Debug)]
pub struct Command<B> {
    /// The decision. It holds the command's idempotency key, and its fold remembers it.
    pub body: B,
    /// Where the input goes on, if the command decides a part of it.
    pub decided_to: Option<Position>,
}

impl<B: Book, L: Log> Journal<B, L> {
    /// Appends a command unless `applied` finds its key in the state.
    ///
    /// `make` sees a state that holds all that was committed when the call began; what it refuses
    /// is refused. The call may be repeated: `applied` then finds what an earlier one appended,
    /// even one that ended without an answer.
    ///
    /// # Errors
    /// The outer error: nobody knows whether it was appended; repeat the call with the same key.
    /// The inner one: what `make` said; nothing was appended.
    pub async fn command<E>(
        &self,
        applied: impl Fn(&B::State) -> bool,
        mut make: impl FnMut(View<'_, B::State>) -> Result<Command<B::Body>, E>,
    ) -> Result<Result<Applied, E>, Error> {
        let mut done = Applied::Before;
        let commit = self.commit(|view| {
            let turn = turn(view, &applied, &mut make);
            if matches!(turn, Decide::Append { .. }) {
                done = Applied::Now;
            }
            turn
        });
        let answer = commit.await?;
        Ok(answer.map(|()| done))
    }

    /// Sets a new position in the input, after the input stream was made anew or restored. Nothing
    /// is appended if that is the position already.
    ///
    /// Messages that were decided and stand behind the new position are decided again; those that
    /// were not decided and stand before it never are. Whoever calls it knows which there are.
    ///
    /// # Errors
    /// Nobody knows whether it was set; repeat the call.
    pub async fn rebase(&self, to: &Position, reason: &str) -> Result<Applied, Error> {
        let mut done = Applied::Before;
        let commit = self.commit(|view| {
            if view.decided_to == Some(to) {
                return Decide::Answer(());
            }
            if !view.fresh {
                return Decide::Refresh;
            }
            done = Applied::Now;
            Decide::Rebase { to: to.clone(), reason: reason.to_owned() }
        });
        commit.await?;
        Ok(done)
    }
}

/// What a command does next.
pub(super) fn turn<S, B, E>(
    view: View<'_, S>,
    applied: impl Fn(&S) -> bool,
    make: impl FnOnce(View<'_, S>) -> Result<Command<B>, E>,
) -> Decide<B, Result<(), E>> {
    if applied(view.state) {
        return Decide::Answer(Ok(()));
    }
    // The key may stand in an entry that this process has not read, and a refusal is only as true
    // as the state it looks at.
    if !view.fresh {
        return Decide::Refresh;
    }
    match make(view) {
        Ok(Command { body, decided_to }) => Decide::Append { body, decided_to },
        Err(refused) => Decide::Answer(Err(refused)),
    }
}

/// Where an input begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before its first message: everything that is there will be decided.
    Beginning,
    /// After its last message: nothing that is there will be decided.
    End,
    /// After this sequence.
    After(u64),
}

/// An input as it is now.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Which input; nothing of it was given yet.
    pub claim: Claim,
    /// First sequence that the stream keeps, or the next one if it keeps none.
    pub first: u64,
    /// Last sequence that the stream gave to a message.
    pub last: u64,
}

impl Extent {
    /// A position in it.
    ///
    /// # Errors
    /// The stream ends before `place`.
    pub fn position(&self, place: Place) -> Result<Position, LogError> {
        let (stream, last) = (&self.claim.stream, self.last);
        let sequence = match place {
            Place::Beginning => self.first.saturating_sub(1),
            Place::End => last,
            Place::After(sequence) if sequence <= last => sequence,
            Place::After(sequence) => {
                return Err(LogError(format!("stream {stream} ends at {last}, before {sequence}")));
            }
        };
        Ok(self.claim.decided_to(sequence))
    }
}

/// Looks at an input.
///
/// # Errors
/// The server did not answer, or the stream is not there.
pub async fn extent(nats: &Nats, stream: &str, filter: &str) -> Result<Extent, LogError> {
    let handle = nats.js.get_stream(stream).await.map_err(|e| LogError(e.to_string()))?;
    let info = handle.cached_info();
    let (stream, filter) = (stream.to_owned(), filter.to_owned());
    let claim = Claim { after: 0, stream, identity: Identity::of(info), filter, quiet_to: None };
    Ok(Extent { claim, first: info.state.first_sequence, last: info.state.last_sequence })
}

/// A position in the input stream as it is now.
///
/// # Errors
/// The server did not answer, the stream is not there, or it ends before `place`.
pub async fn position(
    nats: &Nats,
    stream: &str,
    filter: &str,
    place: Place,
) -> Result<Position, LogError> {
    extent(nats, stream, filter).await?.position(place)
}
