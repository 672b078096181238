//! The record of one file, and what may be done to it. Nothing here touches the network.

use super::state::{Outcome, State};
use chrono::{DateTime, TimeDelta, Utc};
use domain::PartnerId;
use serde::{Deserialize, Serialize};

/// How long a worker may be silent before another takes over. A worker says four times as often that
/// it is at work.
pub const LEASE: TimeDelta = TimeDelta::seconds(3);

/// Names of what came of a file, relative to the partner's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Results {
    /// Accepted lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Rejected lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejects: Option<String>,
    /// What the partner is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The same for a spreadsheet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_csv: Option<String>,
    /// Where the original is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
}

/// Figures of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Data rows; always accepted and rejected together.
    pub rows: u64,
    /// Rows that became lines of orders.
    pub accepted: u64,
    /// Rows with a reason against them.
    pub rejected: u64,
    /// Orders, returns included.
    pub orders: u64,
}

/// How far the sending of a file's orders came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// So many orders, the first ones of the file, are stored.
    pub orders: u64,
    /// The least of their sequences on the subject `orders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Every order behind these is behind this sequence, if it is stored.
    pub to: u64,
}

/// What became of an original after it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// When it was noticed.
    pub at: DateTime<Utc>,
    /// How many bytes it had then.
    pub size: u64,
    /// When it was changed, seconds since 1970 by the server's clock.
    pub mtime: u64,
    /// Its name in the inbox, where it was put back and arrives by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_as: Option<String>,
}

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The worker.
    pub owner: String,
    /// When another may take over.
    pub until: DateTime<Utc>,
}

/// What became of one file that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `arrival::id`.
    pub arrival: String,
    /// Whose file.
    pub partner: PartnerId,
    /// Its name in the inbox.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Last change, seconds since 1970 by the server's clock.
    pub mtime: u64,
    /// How far it came.
    pub state: State,
    /// Whose turn it is; nobody's before the first claim and after the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// What was decided; there from `transformed` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// SHA-256 of the content, hexadecimal, once it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Names of what came of it.
    #[serde(default)]
    pub results: Results,
    /// Figures.
    #[serde(default)]
    pub counts: Counts,
    /// SHA-256 of its orders as they go to the subject `orders`: whoever goes on after a crash must make
    /// the same ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_sha256: Option<String>,
    /// Do the sequences of its orders count in the stream `INTAKE`? Those of version 0.1.0 count in `ORDERS`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub intake: bool,
    /// Where its orders begin on the subject `orders`, once they are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_from: Option<u64>,
    /// Where they end: the sequence of the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_to: Option<u64>,
    /// How far sending its orders came, while they are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending: Option<Sending>,
    /// The original was changed after it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
    /// When it was first seen.
    pub arrived_at: DateTime<Utc>,
    /// When this record last changed.
    pub updated_at: DateTime<Utc>,
}

/// Why a file cannot be claimed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is left to do.
    #[error("the file is {}", .0.as_str())]
    Finished(State),
    /// Another worker has it.
    #[error("another process ({owner}) works on the file until {until}")]
    Held {
        /// The worker.
        owner: String,
        /// Until when, if it stays silent.
        until: DateTime<Utc>,
    },
}

/// Why a step cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Another worker took over.
    #[error("{owner} does not hold the file any more")]
    Lost {
        /// Who thought so.
        owner: String,
    },
    /// The step does not follow.
    #[error("{to:?} does not follow {from:?}")]
    Order {
        /// Where the file is.
        from: State,
        /// What was asked for.
        to: State,
    },
}

impl Record {
    /// A file that was just found complete.
    #[must_use]
    pub fn new(
        arrival: String,
        partner: PartnerId,
        name: String,
        size: u64,
        mtime: u64,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            arrival,
            partner,
            name,
            size,
            mtime,
            state: State::Arrived,
            claim: None,
            outcome: None,
            sha256: None,
            results: Results::default(),
            counts: Counts::default(),
            orders_sha256: None,
            intake: false,
            orders_from: None,
            orders_to: None,
            sending: None,
            changed: None,
            arrived_at: at,
            updated_at: at,
        }
    }

    /// `owner` takes the file, or goes on with it after a restart. Work goes on in the state that
    /// was reached.
    ///
    /// # Errors
    /// It is finished, or another worker's lease has not ended.
    pub fn claim(&self, owner: &str, now: DateTime<Utc>) -> Result<Self, Refusal> {
        if self.state.is_final() {
            return Err(Refusal::Finished(self.state));
        }
        match &self.claim {
            Some(claim) if claim.owner != owner && now < claim.until => {
                Err(Refusal::Held { owner: claim.owner.clone(), until: claim.until })
            }
            Some(_) | None => {
                let state = self.state.max(State::Claimed);
                Ok(Self { state, ..self.held_by(owner, now) })
            }
        }
    }

    /// `owner` is still at work.
    ///
    /// # Errors
    /// Another worker took over.
    pub fn renew(&self, owner: &str, now: DateTime<Utc>) -> Result<Self, StepError> {
        self.check_owner(owner)?;
        Ok(self.held_by(owner, now))
    }

    /// `owner` has read and judged the file, and put its results into the depot.
    ///
    /// # Errors
    /// Another worker took over, or the file was judged before.
    pub fn judge(
        &self,
        owner: &str,
        now: DateTime<Utc>,
        outcome: Outcome,
    ) -> Result<Self, StepError> {
        self.check_owner(owner)?;
        if self.state != State::Claimed {
            return Err(StepError::Order { from: self.state, to: State::Transformed });
        }
        let held = self.held_by(owner, now);
        Ok(Self { state: State::Transformed, outcome: Some(outcome), ..held })
    }

    /// `owner` has done the next step. Saying so twice changes nothing but the lease.
    ///
    /// # Errors
    /// Another worker took over, or the step does not follow.
    pub fn advance(&self, owner: &str, now: DateTime<Utc>, to: State) -> Result<Self, StepError> {
        self.check_owner(owner)?;
        if to != self.state && Some(to) != self.next() {
            return Err(StepError::Order { from: self.state, to });
        }
        let held = self.held_by(owner, now);
        let claim = if to.is_final() { None } else { held.claim.clone() };
        Ok(Self { state: to, claim, ..held })
    }

    /// `owner` gives the file back, so that anyone may go on at once.
    ///
    /// # Errors
    /// Another worker took over.
    pub fn release(&self, owner: &str, now: DateTime<Utc>) -> Result<Self, StepError> {
        self.check_owner(owner)?;
        Ok(Self { claim: None, updated_at: now, ..self.clone() })
    }

    /// The state that follows; nothing where the outcome decides and is not there, or at the end.
    #[must_use]
    pub fn next(&self) -> Option<State> {
        let outcome = self.outcome.as_ref();
        match self.state {
            State::Transformed => match outcome? {
                Outcome::Accepted => Some(State::Published),
                // Nothing of it is published.
                Outcome::Refused { .. } | Outcome::Duplicate { .. } => Some(State::Receipted),
            },
            State::Published => Some(State::Receipted),
            State::Receipted => Some(State::Archived),
            State::Archived => outcome.map(Outcome::final_state),
            State::Arrived | State::Claimed => None,
            State::Done | State::Refused | State::Duplicate => None,
        }
    }

    fn check_owner(&self, owner: &str) -> Result<(), StepError> {
        // An ended lease that nobody took is still the owner's.
        match &self.claim {
            Some(claim) if claim.owner == owner => Ok(()),
            Some(_) | None => Err(StepError::Lost { owner: owner.to_owned() }),
        }
    }

    fn held_by(&self, owner: &str, now: DateTime<Utc>) -> Self {
        let claim = Claim { owner: owner.to_owned(), until: now + LEASE };
        Self { claim: Some(claim), updated_at: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    fn arrived() -> Record {
        let partner = PartnerId::parse("US1").unwrap();
        Record::new("0123".into(), partner, "orders.csv".into(), 10, 20, at(0))
    }

    fn judged(outcome: Outcome) -> Record {
        arrived().claim("a", at(0)).unwrap().judge("a", at(1), outcome).unwrap()
    }

    #[test]
    fn only_an_ended_lease_lets_another_worker_in() {
        let held = arrived().claim("a", at(0)).unwrap();
        assert_eq!(held.state, State::Claimed);
        let refusal = Refusal::Held { owner: "a".into(), until: at(3) };
        assert_eq!(held.claim("b", at(2)), Err(refusal));
        assert_eq!(held.claim("b", at(3)).unwrap().claim.unwrap().owner, "b");
        let renewed = held.renew("a", at(2)).unwrap();
        assert!(renewed.claim("b", at(4)).is_err());
        assert!(renewed.claim("a", at(3)).is_ok());
        let given_back = renewed.release("a", at(3)).unwrap();
        assert!(given_back.claim("b", at(3)).is_ok());
    }

    #[test]
    fn who_lost_the_lease_can_write_nothing_down() {
        let taken = arrived().claim("a", at(0)).unwrap().claim("b", at(40)).unwrap();
        let lost = StepError::Lost { owner: "a".into() };
        assert_eq!(taken.renew("a", at(41)), Err(lost.clone()));
        assert_eq!(taken.judge("a", at(41), Outcome::Accepted), Err(lost.clone()));
        assert_eq!(taken.release("a", at(41)), Err(lost.clone()));
        let judged = taken.judge("b", at(41), Outcome::Accepted).unwrap();
        assert_eq!(judged.advance("a", at(42), State::Published), Err(lost));
    }

    #[test]
    fn an_ended_lease_that_nobody_took_is_still_the_owners() {
        let held = arrived().claim("a", at(0)).unwrap();
        assert!(held.judge("a", at(100), Outcome::Accepted).is_ok());
    }

    #[test]
    fn each_outcome_has_its_way() {
        let way = |outcome| {
            let mut record = judged(outcome);
            let mut names = vec![record.state.as_str()];
            while let Some(next) = record.next() {
                record = record.advance("a", at(2), next).unwrap();
                names.push(record.state.as_str());
            }
            assert!(record.state.is_final() && record.claim.is_none());
            assert_eq!(record.claim("b", at(99)), Err(Refusal::Finished(record.state)));
            names.join(" ")
        };
        assert_eq!(way(Outcome::Accepted), "transformed published receipted archived done");
        let refused = Outcome::Refused { reason: "no header".into() };
        assert_eq!(way(refused), "transformed receipted archived refused");
        let duplicate = Outcome::Duplicate { of: "4567".into() };
        assert_eq!(way(duplicate), "transformed receipted archived duplicate");
    }

    #[test]
    fn no_step_is_left_out() {
        let record = judged(Outcome::Accepted);
        for to in [State::Receipted, State::Archived, State::Done, State::Claimed] {
            let wrong = StepError::Order { from: State::Transformed, to };
            assert_eq!(record.advance("a", at(2), to), Err(wrong));
        }
        assert!(record.advance("a", at(2), State::Transformed).is_ok());
        let again = StepError::Order { from: State::Transformed, to: State::Transformed };
        assert_eq!(record.judge("a", at(2), Outcome::Accepted), Err(again));
        let held = arrived().claim("a", at(0)).unwrap();
        assert!(held.advance("a", at(1), State::Transformed).is_err());
    }

    #[test]
    fn a_successor_goes_on_where_the_other_stopped() {
        let record = judged(Outcome::Accepted).advance("a", at(2), State::Published).unwrap();
        let taken = record.claim("b", at(60)).unwrap();
        assert_eq!(taken.state, State::Published);
        assert_eq!(taken.next(), Some(State::Receipted));
    }

    #[test]
    fn a_record_survives_json() {
        let record = judged(Outcome::Refused { reason: "x".into() });
        let json = serde_json::to_string(&record).unwrap();
        assert!(json.contains(r#""state":"transformed""#), "{json}");
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    }
}
