//! What people and other functions ask of a journal, beside deciding its input.

use super::input::Claim;
use super::{
    Book, BoundKey, Decide, Draft, Error, Journal, KeyUse, Log, LogError, Position, View, What,
};
use messaging::Nats;
use messaging::streams::identity::Identity;

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
    /// What it says.
    pub what: What<B>,
    /// Where the input goes on, if the command decides a part of it.
    pub decided_to: Option<Position>,
}

impl<B> Command<B> {
    /// A decision that does not concern the input.
    pub fn decision(body: B) -> Self {
        Self { what: What::Decision(body), decided_to: None }
    }
}

/// Why a command was not appended, and is not there from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused<E> {
    /// Its key was used for another command.
    KeyUsed,
    /// What the book's rules say.
    By(E),
}

impl<B: Book, L: Log> Journal<B, L> {
    /// Appends a command unless its key was used before.
    ///
    /// `make` sees a state that holds all that was committed when the call began; what it refuses
    /// is refused. The call may be repeated: it then finds what an earlier one appended, even one that
    /// ended without an answer.
    ///
    /// # Errors
    /// The outer error: nobody knows whether it was appended; repeat the call with the same key.
    /// The inner one: nothing was appended.
    pub async fn command<E>(
        &self,
        key: &BoundKey,
        mut make: impl FnMut(View<'_, B::State>) -> Result<Command<B::Body>, E>,
    ) -> Result<Result<Applied, Refused<E>>, Error> {
        let mut done = Applied::Before;
        let commit = self.commit(|view| {
            let turn = turn(view, key, &mut make);
            if matches!(turn, Decide::Write(_)) {
                done = Applied::Now;
            }
            turn
        });
        let answer = commit.await?;
        Ok(answer.map(|()| done))
    }

    /// Sets a new position in the input, after the input stream was made again or restored. Nothing
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
            Decide::rebase(to, reason)
        });
        commit.await?;
        Ok(done)
    }
}

impl<B, T> Decide<B, T> {
    /// Sets a new position in the input.
    pub(super) fn rebase(to: &Position, reason: &str) -> Self {
        let what = What::Rebase(reason.to_owned());
        Self::Write(Draft { what, decided_to: Some(to.clone()), key: None })
    }
}

/// What a command does next.
pub(super) fn turn<S, B, E>(
    view: View<'_, S>,
    key: &BoundKey,
    make: impl FnOnce(View<'_, S>) -> Result<Command<B>, E>,
) -> Decide<B, Result<(), Refused<E>>> {
    match view.keys.use_of(key) {
        KeyUse::Applied => return Decide::Answer(Ok(())),
        // The key may stand in an entry that this process has not read, and a refusal is only as
        // true as the state it looks at.
        KeyUse::New | KeyUse::Other if !view.fresh => return Decide::Refresh,
        KeyUse::Other => return Decide::Answer(Err(Refused::KeyUsed)),
        KeyUse::New => {}
    }
    match make(view) {
        Ok(Command { what, decided_to }) => {
            Decide::Write(Draft { what, decided_to, key: Some(key.clone()) })
        }
        Err(refused) => Decide::Answer(Err(Refused::By(refused))),
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
