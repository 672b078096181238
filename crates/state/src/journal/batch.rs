//! Deciding an ordered batch of the input.

use super::input::{Claim, Link, Turn, turn};
use super::{Book, Decide, Draft, Error, Journal, Log, View, What};

/// What of a batch is decided by one entry.
#[derive(Debug)]
pub struct Decided<B> {
    /// The decision.
    pub body: B,
    /// The last message that is decided by it.
    pub to: u64,
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Everything up to this sequence is decided, and all that follows from it is stored.
    To(u64),
    /// The batch leaves something out: everything up to this sequence is decided.
    Behind(u64),
    /// The batch is of another input than the one that is decided up to this sequence.
    Foreign(u64),
}

impl<B: Book, L: Log> Journal<B, L> {
    /// Decides a batch whose messages stand at `links`.
    ///
    /// `decide` is asked for a decision on the messages from an index on; it may decide only some of
    /// them, at least one, and is then asked again. It may be asked again for the same ones, when an
    /// append was unclear or another process was faster.
    ///
    /// # Errors
    /// The log does not answer, the journal is damaged, or a decision is too large: nothing is known
    /// to be decided, and the same batch may be sent again.
    pub async fn batch(
        &self,
        claim: &Claim,
        links: &[Link],
        mut decide: impl FnMut(&B::State, usize) -> Decided<B::Body>,
    ) -> Result<Answer, Error> {
        self.commit(|view| step(&view, claim, links, &mut decide)).await
    }
}

/// What is done with a batch next.
pub(super) fn step<S, B>(
    view: &View<'_, S>,
    claim: &Claim,
    links: &[Link],
    decide: impl FnOnce(&S, usize) -> Decided<B>,
) -> Decide<B, Answer> {
    match turn(view, claim, links) {
        Turn::Refresh => Decide::Refresh,
        Turn::Done(to) => Decide::Answer(Answer::To(to)),
        Turn::Behind(to) => Decide::Answer(Answer::Behind(to)),
        Turn::Foreign(to) => Decide::Answer(Answer::Foreign(to)),
        Turn::Move(to) => Decide::Write(Draft {
            what: What::Quiet,
            decided_to: Some(claim.decided_to(to)),
            key: None,
        }),
        Turn::Decide(index) => {
            let Decided { body, to } = decide(view.state, index);
            Decide::Append { body, decided_to: Some(claim.decided_to(to)) }
        }
    }
}
