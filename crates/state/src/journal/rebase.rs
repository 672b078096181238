//! Going on in another place of the input: after the input stream was made again, restored from a
//! backup, or lost messages.
//!
//! A position that moves back would decide messages twice, and one that moves forward leaves some
//! undecided. So the whole input is compared with the whole journal first: [`survey`] says what is
//! decided, [`Survey::go_on`] where the lane may go on, and [`apply`] skips what is passed over before
//! it moves the position.

mod known;
mod lane;

use super::evidence::{self, Evidence};
use super::keys::OWN;
use super::{
    Applied, Book, BoundKey, Command, Decide, Error, Extent, Journal, Log, LogError, Place,
    Position, Refused as NotApplied, Skip, What, entries, extent, facts,
};
use known::Known;
pub use lane::Lane;
use messaging::publish::Outgoing;
use messaging::{Nats, header, publish, stored, streams, tail};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

/// A lane: what its input holds, and what of it is decided.
#[derive(Debug)]
pub struct Survey {
    /// Where the lane is.
    pub decided_to: Option<Position>,
    /// Its input as it is now.
    pub extent: Extent,
    /// Last message under the filter that is decided, 0 if none is.
    pub last_decided: u64,
    /// How many messages under the filter are decided.
    pub decided: u64,
    /// Those that are not, in order.
    pub undecided: Vec<u64>,
    /// Subjects of messages in the input that were decided, and of which no fact is there.
    pub untold: HashSet<String>,
    /// Last of the first messages that were removed behind the position, 0 if none was.
    removed_to: u64,
    /// What stands where the message was that was decided last, if that is another one.
    older: Option<(u64, String)>,
    /// The position in this very stream, 0 if it is of another one, or of a newer one.
    here: u64,
}

/// Where a lane goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The new position.
    pub to: Position,
    /// Messages before it that were never decided: they are refused as skipped.
    pub passed_over: Vec<u64>,
    /// How many behind it will be decided.
    pub left: usize,
    /// Subjects of messages whose facts are published again, because they are gone.
    pub untold: HashSet<String>,
}

/// Why a lane does not go on there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It goes on by itself.
    #[error("the lane is healthy: it is decided up to {decided_to}, and {waiting} messages wait")]
    Healthy {
        /// Where it is.
        decided_to: u64,
        /// How many messages are not decided.
        waiting: usize,
    },
    /// What is behind that place was decided, or is gone.
    #[error(
        "not after {to}: {decided} messages behind it are decided and would be decided again, or \
         messages behind it are gone; the first place possible is {first}"
    )]
    TooEarly {
        /// What was asked for.
        to: u64,
        /// Decided messages behind it.
        decided: u64,
        /// The first place where the lane can go on.
        first: u64,
    },
    /// There is no such place.
    #[error("{0}")]
    Nowhere(String),
}

/// Compares the input of a lane with its journal. Settles the journal's last entry.
///
/// Takes about 100 bytes of memory for each message.
///
/// # Errors
/// The server does not answer, or the journal is damaged.
pub async fn survey<B: Book, L: Log>(
    nats: &Nats,
    journal: &Journal<B, L>,
    lane: &Lane<'_, B>,
) -> Result<Survey, LogError> {
    let unavailable = |error: &dyn std::fmt::Display| LogError(error.to_string());
    let look = journal.commit(|view| match view.fresh {
        true => Decide::Answer(view.decided_to.cloned()),
        false => Decide::Refresh,
    });
    let decided_to = look.await.map_err(|error| unavailable(&error))?;
    let extent = extent(nats, lane.stream, lane.filter).await?;
    let known = Known::read(nats, lane, &extent).await?;
    let is_it = |at: &Position| extent.claim.is_of(at);
    let older = match evidence::of_input(nats, lane.journal, lane.book, is_it).await? {
        Evidence::Other(sequence, subject) => Some((sequence, subject)),
        Evidence::Same | Evidence::None => None,
    };
    let here = if older.is_none() { here(decided_to.as_ref(), &extent) } else { 0 };
    let (mut last_decided, mut decided, mut undecided) = (0, 0, Vec::new());
    let mut untold = HashSet::new();
    tail::read(nats, lane.stream, lane.filter, 1, true, |message| {
        let Ok(info) = message.info() else { return };
        let sequence = info.stream_sequence;
        if sequence <= here || known.holds(message, sequence) {
            (last_decided, decided) = (sequence, decided + 1);
            if known.is_untold(message) {
                untold.insert(message.subject.to_string());
            }
        } else {
            undecided.push(sequence);
        }
    })
    .await
    .map_err(|error| unavailable(&error))?;
    let removed_to = removed_to(nats, &extent, here).await?;
    Ok(Survey {
        decided_to,
        extent,
        last_decided,
        decided,
        undecided,
        untold,
        removed_to,
        older,
        here,
    })
}

/// The position in this very stream; 0 if it is of another one, or behind its end.
fn here(decided_to: Option<&Position>, extent: &Extent) -> u64 {
    let position = decided_to.filter(|position| extent.claim.is_of(position));
    position.map(|position| position.sequence).filter(|at| *at <= extent.last).unwrap_or(0)
}

/// The end of the first messages behind `position` that are gone; 0 if none are, or nothing was decided
/// yet. A lane that goes on there is held again by the next ones.
async fn removed_to(nats: &Nats, extent: &Extent, position: u64) -> Result<u64, LogError> {
    if position == 0 {
        return Ok(0);
    }
    let unavailable = |error: String| LogError(error);
    let stream = nats.js.get_stream_no_info(&extent.claim.stream).await;
    let stream = stream.map_err(|error| unavailable(error.to_string()))?;
    let info = stream.info_builder().with_deleted(true).fetch().await;
    let state = info.map_err(|error| unavailable(error.to_string()))?.info.state;
    let before = state.first_sequence.saturating_sub(1);
    if position < before {
        return Ok(before);
    }
    let removed = state.deleted.unwrap_or_default();
    let mut inside = removed.into_iter().filter(|gone| position < *gone);
    let Some(first) = inside.next() else { return Ok(0) };
    let run = inside.zip(first + 1..).take_while(|(gone, next)| gone == next).last();
    Ok(run.map_or(first, |(gone, _)| gone))
}

impl Survey {
    /// Why the lane does not go on by itself; nothing if it does.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let position = self.decided_to.as_ref()?;
        let (stream, last, at) = (&self.extent.claim.stream, self.extent.last, position.sequence);
        if !self.extent.claim.is_of(position) {
            return Some(format!("it was decided up to {at} of another stream {stream}"));
        }
        if last < at {
            return Some(format!("it is decided up to {at}, but stream {stream} ends at {last}"));
        }
        if let Some((sequence, subject)) = &self.older {
            return Some(format!(
                "the message that was decided last stood at {sequence}, where {subject} is now: stream \
                 {stream} is an older copy"
            ));
        }
        (self.removed_to > 0).then(|| {
            let removed = self.removed_to;
            format!("messages after {at}, up to {removed}, are gone and were not decided")
        })
    }

    /// The first place where the lane can go on without deciding anything twice.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.last_decided.max(self.here).max(self.removed_to)
    }

    /// Goes on after `place`, or at the first place possible.
    ///
    /// # Errors
    /// The lane is healthy, or it cannot go on there.
    pub fn go_on(&self, place: Option<Place>) -> Result<Move, Refused> {
        let first = self.first();
        if self.fault().is_none() {
            return Err(Refused::Healthy { decided_to: first, waiting: self.undecided.len() });
        }
        let place = place.unwrap_or(Place::After(first));
        let to = self.extent.position(place);
        let to = to.map_err(|error| Refused::Nowhere(error.to_string()))?;
        if to.sequence < first {
            let (to, decided) = (to.sequence, self.decided);
            return Err(Refused::TooEarly { to, decided, first });
        }
        let split = self.undecided.partition_point(|sequence| *sequence <= to.sequence);
        let (passed_over, left) = self.undecided.split_at(split);
        let untold = self.untold.clone();
        Ok(Move { to, passed_over: passed_over.to_vec(), left: left.len(), untold })
    }
}

/// Skips what is passed over, then moves the position. May be repeated after a failure: with a new
/// survey it goes on where it was.
///
/// # Errors
/// The server does not answer, or the journal is damaged.
pub async fn apply<B: Book, L: Log>(
    nats: &Nats,
    journal: &Journal<B, L>,
    lane: &Lane<'_, B>,
    going: &Move,
    reason: &str,
    mut progress: impl FnMut(usize),
) -> Result<Applied, Error> {
    // Before: by its fact it is known what stays in force of a message that is passed over.
    tell(nats, lane, &going.untold).await?;
    for (count, sequence) in going.passed_over.iter().enumerate() {
        pass_over(nats, journal, lane, *sequence, (&going.to.identity, reason)).await?;
        progress(count + 1);
    }
    match journal.rebase(&going.to, reason).await? {
        Applied::Now => Ok(Applied::Now),
        // The number is the same, and another message stands there: somebody says that it is right.
        Applied::Before => again(nats, journal, lane, going, reason).await,
    }
}

/// Sets the position that the lane has already, so that what was decided before shows nothing any more.
async fn again<B: Book, L: Log>(
    nats: &Nats,
    journal: &Journal<B, L>,
    lane: &Lane<'_, B>,
    going: &Move,
    reason: &str,
) -> Result<Applied, Error> {
    let mut written = false;
    let commit = journal.commit(|view| match (view.fresh, written) {
        (false, _) => Decide::Refresh,
        (true, true) => Decide::Answer(()),
        (true, false) => {
            written = true;
            Decide::rebase(&going.to, reason)
        }
    });
    commit.await?;
    // An append that was unclear may not be there.
    let is_it = |at: &Position| *at == going.to;
    match evidence::of_input(nats, lane.journal, lane.book, is_it).await {
        Ok(Evidence::Other(..)) => Err(lane.unavailable("the position is not set; repeat it")),
        Ok(Evidence::Same | Evidence::None) => Ok(Applied::Now),
        Err(error) => Err(lane.unavailable(error)),
    }
}

/// Publishes the last fact about each of these messages again, where none is, and the last one on each subject
/// of the stream that tells about several messages, where an earlier one or none is.
async fn tell<B: Book>(
    nats: &Nats,
    lane: &Lane<'_, B>,
    untold: &HashSet<String>,
) -> Result<(), Error> {
    let (mut last, mut shared) = (HashMap::new(), HashMap::new());
    let is_here =
        |subject: &str| streams::of_subject(subject).is_some_and(|it| it.name == lane.stream);
    let entries = entries::<B::Body>(nats, lane.journal, 0, |sequence, record| {
        let Ok(record) = record else { return };
        for fact in facts::of(lane.book, sequence, &record) {
            match lane.book.input_of(&fact.subject) {
                Some(input) if untold.contains(&input) => drop(last.insert(input, fact)),
                None if is_here(&fact.subject) => drop(shared.insert(fact.subject.clone(), fact)),
                Some(_) | None => {}
            }
        }
    });
    entries.await.map_err(|error| lane.unavailable(error))?;
    let facts: Vec<_> = last.into_values().collect();
    for result in publish::all(nats, &facts, Some(0)).await {
        result.map_err(|unclear| lane.unavailable(unclear))?;
    }
    for fact in shared.into_values() {
        renew(nats, lane, &fact).await?;
    }
    Ok(())
}

/// Publishes a fact again, unless its subject has this fact or a later one.
async fn renew<B: Book>(nats: &Nats, lane: &Lane<'_, B>, fact: &Outgoing) -> Result<(), Error> {
    let standing = stored::last(nats, lane.stream, &fact.subject).await;
    let standing = standing.map_err(|error| lane.unavailable(error))?;
    let ours = fact.headers.get(header::DECISION_SEQUENCE).map(async_nats::HeaderValue::as_str);
    let ours: Option<u64> = ours.and_then(|text| text.parse().ok());
    let is_there = standing.as_ref().is_some_and(|standing| ours <= standing.decision_sequence());
    if !is_there {
        let expected = standing.map_or(0, |standing| standing.sequence);
        let published = publish::one(nats, fact, Some(expected)).await;
        published.map_err(|unclear| lane.unavailable(unclear))?;
    }
    Ok(())
}

/// Skips one message. The position stays where it is.
async fn pass_over<B: Book, L: Log>(
    nats: &Nats,
    journal: &Journal<B, L>,
    lane: &Lane<'_, B>,
    sequence: u64,
    (identity, reason): (&str, &str),
) -> Result<(), Error> {
    let message = stored::first(nats, lane.stream, lane.filter, sequence).await;
    let message = message.map_err(|error| lane.unavailable(error))?;
    // It has expired since the survey.
    let Some(message) = message.filter(|message| message.sequence == sequence) else {
        return Ok(());
    };
    let in_force = lane.book.in_force(nats, &message.subject).await;
    let in_force = in_force.map_err(|error| lane.unavailable(error))?;
    // The same again after a failure.
    let key = BoundKey::new(&format!("{OWN}{identity}:{sequence}"), &());
    let command = journal.command(&key, |_| {
        let what = What::Skip(Skip::of(&message, in_force.clone(), reason));
        Ok::<_, Infallible>(Command { what, decided_to: None })
    });
    match command.await? {
        // Whatever else stands under that key has passed over the same message.
        Ok(_) | Err(NotApplied::KeyUsed) => Ok(()),
        Err(NotApplied::By(never)) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::input::Claim;
    use messaging::streams::identity::Identity;

    fn survey(decided_to: Option<(&str, u64)>, undecided: &[u64]) -> Survey {
        let claim = Claim {
            after: 0,
            stream: "ORDERS".into(),
            identity: Identity { name: "a1".into(), also: Vec::new() },
            filter: "orders.placed.main.>".into(),
            quiet_to: None,
        };
        let position = |(name, sequence): (&str, u64)| Position {
            identity: name.into(),
            ..claim.decided_to(sequence)
        };
        Survey {
            decided_to: decided_to.map(position),
            extent: Extent { claim: claim.clone(), first: 1, last: 20 },
            last_decided: 8,
            decided: 3,
            undecided: undecided.to_vec(),
            untold: HashSet::new(),
            removed_to: 0,
            older: None,
            here: decided_to
                .filter(|(name, at)| *name == "a1" && *at <= 20)
                .map_or(0, |(_, at)| at),
        }
    }

    #[test]
    fn a_healthy_lane_does_not_move() {
        for decided_to in [None, Some(("a1", 8)), Some(("a1", 20))] {
            let refused = survey(decided_to, &[]).go_on(Some(Place::End)).unwrap_err();
            assert!(matches!(refused, Refused::Healthy { .. }), "{refused}");
        }
    }

    #[test]
    fn a_lane_never_moves_before_what_is_decided() {
        let survey = survey(Some(("b2", 90)), &[5, 12, 15]);
        for place in [Place::Beginning, Place::After(7)] {
            let refused = survey.go_on(Some(place)).unwrap_err();
            assert!(matches!(refused, Refused::TooEarly { first: 8, .. }), "{refused}");
        }
        let going = survey.go_on(None).unwrap();
        assert_eq!((going.to.sequence, going.to.identity.as_str()), (8, "a1"));
        assert_eq!((going.passed_over, going.left), (vec![5], 2));
        let going = survey.go_on(Some(Place::End)).unwrap();
        assert_eq!((going.passed_over, going.left), (vec![5, 12, 15], 0));
        let refused = survey.go_on(Some(Place::After(21))).unwrap_err();
        assert!(refused.to_string().contains("ends at 20, before 21"), "{refused}");
    }

    #[test]
    fn what_is_gone_is_passed() {
        let survey = Survey { removed_to: 14, ..survey(Some(("a1", 8)), &[12, 15]) };
        let going = survey.go_on(None).unwrap();
        assert_eq!((going.to.sequence, going.passed_over, going.left), (14, vec![12], 1));
        assert!(survey.go_on(Some(Place::After(13))).is_err(), "it would stand still again");
    }

    #[test]
    fn a_stream_that_ends_before_the_position_is_a_fault() {
        let survey = survey(Some(("a1", 21)), &[9]);
        assert!(survey.fault().unwrap().contains("ends at 20"));
        assert_eq!(survey.go_on(None).unwrap().to.sequence, 8);
    }
}
