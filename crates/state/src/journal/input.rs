//! Input without gaps: which part of a batch is to be decided, and when it must be refused. Pure.

use super::{Position, View};
use messaging::streams::identity::Identity;
use serde::Deserialize;

/// Where a batch claims to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Everything up to this sequence was given before.
    pub after: u64,
    /// The input stream.
    pub stream: String,
    /// Which stream of that name.
    pub identity: Identity,
    /// The filter under which it is read.
    pub filter: String,
    /// Behind `after` nothing is under the filter, up to this sequence.
    pub quiet_to: Option<u64>,
}

impl Claim {
    /// Where an idle position may move to: only if it is where the caller thinks that it is. A lane that
    /// decided nothing yet has no position to move.
    fn passes(&self, decided: Option<&Position>) -> Option<u64> {
        let at = decided?.sequence;
        self.quiet_to.filter(|to| self.after == at && at < *to)
    }

    /// Is `position` one of the same input?
    #[must_use]
    pub fn is_of(&self, position: &Position) -> bool {
        self.stream == position.stream
            && self.filter == position.filter
            && self.identity.is(&position.identity)
    }

    /// The position of an input that is decided up to `sequence`.
    #[must_use]
    pub fn decided_to(&self, sequence: u64) -> Position {
        Position {
            stream: self.stream.clone(),
            identity: self.identity.name.clone(),
            filter: self.filter.clone(),
            sequence,
        }
    }
}

/// What the caller of an ordered function says of a batch, before it is known to be complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Everything up to this sequence was given before.
    pub after: u64,
    /// The input stream.
    pub stream: Option<String>,
    /// Which stream of that name.
    pub identity: Option<String>,
    /// Further names of the same stream.
    pub also: Vec<String>,
    /// When the stream was created: all that the connector of version 0.1.0 knows of its identity.
    pub created: Option<String>,
    /// The filter under which it is read.
    pub filter: Option<String>,
    /// Behind `after` nothing is under the filter, up to this sequence.
    pub quiet_to: Option<u64>,
}

/// A batch does not say where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// A name is missing.
    #[error("the stream, its identity and the filter must be named")]
    Input,
    /// An event is no event.
    #[error("cannot be read: {0}")]
    Event(String),
    /// A number is missing.
    #[error("has no {0}")]
    Number(&'static str),
}

impl TryFrom<Said> for Claim {
    type Error = Unsaid;

    fn try_from(said: Said) -> Result<Self, Unsaid> {
        let Said { after, stream, identity, also, created, filter, quiet_to } = said;
        match (stream, identity.or(created), filter) {
            (Some(stream), Some(name), Some(filter)) => {
                Ok(Self { after, stream, identity: Identity { name, also }, filter, quiet_to })
            }
            _ => Err(Unsaid::Input),
        }
    }
}

/// A message's place in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its sequence.
    pub sequence: u64,
    /// The sequence before it under the filter.
    pub previous: u64,
}

impl Link {
    /// The place that an event, as the connector sends it, says in `sequence` and `previous`. Nothing
    /// else of the event is read: what is wrong with the rest is to be decided.
    ///
    /// # Errors
    /// It says none.
    pub fn of_event(json: &str) -> Result<Self, Unsaid> {
        #[derive(Deserialize)]
        struct Head {
            sequence: Option<String>,
            previous: Option<String>,
        }
        let head: Head =
            serde_json::from_str(json).map_err(|error| Unsaid::Event(error.to_string()))?;
        let number = |text: Option<String>, name| {
            text.and_then(|text| text.parse().ok()).ok_or(Unsaid::Number(name))
        };
        let sequence = number(head.sequence, "sequence")?;
        Ok(Self { sequence, previous: number(head.previous, "previous")? })
    }
}

/// What is to be done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Decide the messages from this index on; those before are decided.
    From(usize),
    /// All of them are decided.
    Done,
    /// There may be messages between what is decided and this batch.
    Gap,
    /// It is another input than the one that was decided so far.
    Foreign,
}

/// What a function does with a batch next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Read what others have written, then ask again.
    Refresh,
    /// Decide the messages from this index on.
    Decide(usize),
    /// All is decided, up to this sequence.
    Done(u64),
    /// All is decided, and nothing was placed up to this sequence: append a quiet entry, so that the
    /// stream's retention does not pass the position.
    Move(u64),
    /// The batch leaves something out: refuse it and name this position.
    Behind(u64),
    /// The batch is of another input: a fault. Refuse it and name this position.
    Foreign(u64),
}

/// Compares a batch with what a process knows of the journal.
///
/// A batch is refused only by what the end of the journal says. One that is decided already needs
/// no such look: an old position is a lower bound. A call without messages is there to make the
/// process read what others wrote, and settle it.
#[must_use]
pub fn turn<S>(view: &View<'_, S>, claim: &Claim, links: &[Link]) -> Turn {
    let decided_to = view.decided_to.map_or(0, |position| position.sequence);
    let idle = links.is_empty();
    match plan(view.decided_to, claim, links) {
        Plan::From(index) => Turn::Decide(index),
        Plan::Foreign | Plan::Gap if !view.fresh => Turn::Refresh,
        Plan::Done if idle && !view.fresh => Turn::Refresh,
        Plan::Foreign => Turn::Foreign(decided_to),
        Plan::Gap => Turn::Behind(decided_to),
        Plan::Done => match claim.passes(view.decided_to).filter(|_| idle) {
            Some(to) => Turn::Move(to),
            None => Turn::Done(decided_to),
        },
    }
}

/// Compares a batch with the position that the journal has.
#[must_use]
pub fn plan(decided: Option<&Position>, claim: &Claim, links: &[Link]) -> Plan {
    if let Some(position) = decided
        && !claim.is_of(position)
    {
        return Plan::Foreign;
    }
    let decided_to = decided.map_or(0, |position| position.sequence);
    if claim.after > decided_to {
        return Plan::Gap;
    }
    let chained = links.windows(2).all(|pair| match pair {
        [before, next] => next.previous == before.sequence && before.sequence < next.sequence,
        _ => true,
    });
    let index = links.partition_point(|link| link.sequence <= decided_to);
    match links.get(index) {
        _ if !chained => Plan::Gap,
        None => Plan::Done,
        Some(first) if first.previous > decided_to => Plan::Gap,
        Some(_) => Plan::From(index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Keys;

    fn claim(after: u64) -> Claim {
        Claim {
            after,
            stream: "ORDERS".into(),
            identity: Identity { name: "a1".into(), also: vec!["2026".into()] },
            filter: "orders.placed.main.>".into(),
            quiet_to: None,
        }
    }

    #[test]
    fn an_idle_position_moves_over_what_is_quiet_and_only_from_where_it_is() {
        let at = |sequence| claim(0).decided_to(sequence);
        let turn_of = |decided: Option<&Position>, claim: &Claim, links: &[Link], fresh| {
            let keys = Keys::default();
            let (state, decided_to, now) = (&(), decided, chrono::DateTime::UNIX_EPOCH);
            let view = View { state, entry: 0, decided_to, keys: &keys, fresh, now };
            turn(&view, claim, links)
        };
        let quiet = |after, to| Claim { quiet_to: Some(to), ..claim(after) };
        assert_eq!(turn_of(Some(&at(5)), &quiet(5, 9), &[], false), Turn::Refresh);
        assert_eq!(turn_of(Some(&at(5)), &quiet(5, 9), &[], true), Turn::Move(9));
        for (decided, claim) in [
            (Some(at(7)), quiet(5, 9)),
            (Some(at(9)), quiet(9, 9)),
            (Some(at(12)), quiet(5, 9)),
            (None, quiet(0, 9)),
        ] {
            let to = decided.as_ref().map_or(0, |position| position.sequence);
            assert_eq!(turn_of(decided.as_ref(), &claim, &[], true), Turn::Done(to), "{claim:?}");
        }
        let links = [Link { sequence: 6, previous: 5 }];
        assert_eq!(turn_of(Some(&at(5)), &quiet(5, 9), &links, true), Turn::Decide(0));
        let next = [Link { sequence: 11, previous: 5 }];
        assert_eq!(
            plan(Some(&at(9)), &claim(9), &next),
            Plan::From(0),
            "the chain holds behind it"
        );
    }

    #[track_caller]
    fn check(decided_to: u64, after: u64, links: &[(u64, u64)], expected: Plan) {
        let links: Vec<_> =
            links.iter().map(|&(previous, sequence)| Link { sequence, previous }).collect();
        let position = claim(0).decided_to(decided_to);
        let decided = (decided_to > 0).then_some(&position);
        assert_eq!(plan(decided, &claim(after), &links), expected);
    }

    #[test]
    fn a_batch_must_say_where_it_stands() {
        let said = Said {
            stream: Some("ORDERS".into()),
            created: Some("2026".into()),
            filter: Some("orders.placed.main.>".into()),
            ..Said::default()
        };
        assert_eq!(Claim::try_from(said.clone()).unwrap().identity.name, "2026");
        let named = Said { identity: Some("a1".into()), ..said.clone() };
        assert_eq!(Claim::try_from(named).unwrap().identity.name, "a1");
        for missing in [
            Said { stream: None, ..said.clone() },
            Said { created: None, ..said.clone() },
            Said { filter: None, ..said },
        ] {
            assert_eq!(Claim::try_from(missing), Err(Unsaid::Input));
        }
        let link = |json| Link::of_event(json).map_err(|unsaid| unsaid.to_string());
        let whole = r#"{"sequence":"7","previous":"3","data":{"deep":[[]]}}"#;
        assert_eq!(link(whole), Ok(Link { sequence: 7, previous: 3 }));
        assert_eq!(link(r#"{"sequence":"7"}"#), Err("has no previous".into()));
        assert_eq!(link(r#"{"sequence":"x","previous":"3"}"#), Err("has no sequence".into()));
        assert!(link("[]").unwrap_err().starts_with("cannot be read: "));
    }

    #[test]
    fn what_follows_is_decided() {
        check(0, 0, &[(0, 3), (3, 4)], Plan::From(0));
        check(3, 3, &[(3, 4)], Plan::From(0));
        check(3, 0, &[(0, 3), (3, 4), (4, 9)], Plan::From(1));
    }

    #[test]
    fn what_is_decided_is_dropped() {
        check(9, 0, &[(0, 3), (3, 4), (4, 9)], Plan::Done);
        check(9, 9, &[], Plan::Done);
        check(0, 0, &[], Plan::Done);
    }

    #[test]
    fn a_gap_is_never_jumped() {
        check(3, 4, &[(4, 5)], Plan::Gap);
        check(3, 4, &[], Plan::Gap);
        check(3, 3, &[(4, 5)], Plan::Gap);
        check(0, 0, &[(0, 1), (2, 3)], Plan::Gap);
        check(5, 0, &[(0, 1), (1, 5), (6, 7)], Plan::Gap);
        check(0, 0, &[(0, 5), (5, 5)], Plan::Gap);
    }

    #[test]
    fn a_position_by_a_former_name_is_of_this_input_and_the_next_has_the_name() {
        let old = Position { identity: "2026".into(), ..claim(0).decided_to(7) };
        let links = [Link { sequence: 8, previous: 7 }];
        assert_eq!(plan(Some(&old), &claim(7), &links), Plan::From(0));
        assert_eq!(claim(7).decided_to(8).identity, "a1");
    }

    #[test]
    fn another_input_is_not_this_one() {
        let position = claim(0).decided_to(7);
        for other in [
            Claim { identity: Identity { name: "b2".into(), also: Vec::new() }, ..claim(7) },
            Claim { filter: "orders.placed.>".into(), ..claim(7) },
            Claim { stream: "FILES".into(), ..claim(7) },
        ] {
            assert_eq!(plan(Some(&position), &other, &[]), Plan::Foreign);
        }
    }
}
