//! Entries as they stand, for people.

use super::nats_log::of_standing;
use super::{LogError, Record};
use messaging::Nats;
use messaging::stored::{self, Standing};
use messaging::streams::JOURNAL;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

/// How far back entries are looked for one by one behind a message that is none.
const LOOK_BACK: u64 = 2_000;

/// A message of a journal.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its sequence.
    pub sequence: u64,
    payload: Vec<u8>,
    /// Has it the header of the journal's writers?
    marked: bool,
}

/// A message of a journal in columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its sequence.
    pub sequence: u64,
    /// When it was decided; empty if it is no entry.
    pub at: String,
    /// Up to where the input is decided; empty if it is no entry.
    pub decided_to: String,
    /// What it says, in one line.
    pub what: String,
}

/// At most `count` messages of the journal on `subject`, in order: those from sequence `from` on, or
/// the last ones.
///
/// # Errors
/// The server does not answer.
pub async fn show(
    nats: &Nats,
    subject: &str,
    from: Option<u64>,
    count: usize,
) -> Result<Vec<Shown>, LogError> {
    match from {
        Some(from) => forward(nats, subject, from, count).await,
        None => back(nats, subject, count).await,
    }
}

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

async fn forward(
    nats: &Nats,
    subject: &str,
    from: u64,
    count: usize,
) -> Result<Vec<Shown>, LogError> {
    let (mut entries, mut at) = (Vec::new(), from.max(1));
    while entries.len() < count {
        let next = stored::first(nats, JOURNAL, subject, at).await.map_err(unavailable)?;
        let Some(message) = next else { break };
        at = message.sequence + 1;
        entries.push(Shown::of(&message));
    }
    Ok(entries)
}

/// The last entries: each names the one before it.
async fn back(nats: &Nats, subject: &str, count: usize) -> Result<Vec<Shown>, LogError> {
    let mut next = stored::last(nats, JOURNAL, subject).await.map_err(unavailable)?;
    let mut entries = Vec::new();
    while let Some(message) = next.take() {
        let Ok(record) = Record::<IgnoredAny>::parse(&message.payload) else {
            let from = message.sequence.saturating_sub(LOOK_BACK);
            let mut found = forward(nats, subject, from, usize::MAX).await?;
            return Ok(found.split_off(found.len().saturating_sub(count)));
        };
        entries.push(Shown::of(&message));
        if record.prev() == 0 || entries.len() == count {
            break;
        }
        // Nothing is found before the oldest entry that is still kept.
        next = stored::at(nats, JOURNAL, record.prev()).await.map_err(unavailable)?;
    }
    entries.reverse();
    Ok(entries)
}

impl Shown {
    fn of(message: &Standing) -> Self {
        let marked = of_standing(message).marked;
        Self { sequence: message.sequence, payload: message.payload.to_vec(), marked }
    }

    /// The whole message.
    #[must_use]
    pub fn json(&self) -> Value {
        match serde_json::from_slice::<Value>(&self.payload) {
            Ok(entry) => json!({"sequence": self.sequence, "entry": entry}),
            Err(error) => json!({"sequence": self.sequence, "unreadable": error.to_string()}),
        }
    }

    /// In columns; `what` says what a decision says.
    #[must_use]
    pub fn row<B: DeserializeOwned>(&self, what: impl FnOnce(&B) -> String) -> Row {
        let record = match Record::<B>::parse(&self.payload) {
            Ok(record) => record,
            Err(error) => {
                let what = match self.marked {
                    true => error.to_string(),
                    false => "no entry: no writer of the journal wrote it".to_owned(),
                };
                let (at, decided_to) = Default::default();
                return Row { sequence: self.sequence, at, decided_to, what };
            }
        };
        let what = match &record {
            Record::Decision(entry) => what(&entry.body),
            Record::Skip(entry) => {
                format!("message {} skipped: {}", entry.body.sequence, entry.body.reason)
            }
            Record::Quiet(_) => "nothing new in the input up to here".to_owned(),
            Record::Rebase(entry) => format!("goes on elsewhere: {}", entry.body.reason),
        };
        let decided_to = record.decided_to().map_or(0, |position| position.sequence);
        let at = record.at().format("%Y-%m-%d %H:%M:%S%.3f").to_string();
        Row { sequence: self.sequence, at, decided_to: decided_to.to_string(), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Draft, Position, What};
    use chrono::DateTime;

    #[track_caller]
    fn check(payload: &[u8], marked: bool, expected: &str) {
        let shown = Shown { sequence: 5, payload: payload.to_vec(), marked };
        let Row { sequence, at, decided_to, what } = shown.row(|body: &i64| format!("adds {body}"));
        assert_eq!(format!("{sequence} | {at} | {decided_to} | {what}"), expected);
    }

    #[test]
    fn every_kind_is_said_in_one_line() {
        let entry = |what| {
            let position = Position {
                stream: "IN".into(),
                identity: "a1".into(),
                filter: "in.>".into(),
                sequence: 9,
            };
            let draft = Draft { what, decided_to: Some(position), key: None };
            Record::<i64>::new("a".into(), 3, DateTime::UNIX_EPOCH, draft).to_bytes()
        };
        let line = |what: &str| format!("5 | 1970-01-01 00:00:00.000 | 9 | {what}");
        check(&entry(What::Decision(7)), true, &line("adds 7"));
        check(&entry(What::Quiet), true, &line("nothing new in the input up to here"));
        check(&entry(What::Rebase("restored".into())), true, &line("goes on elsewhere: restored"));
        check(b"hello", false, "5 |  |  | no entry: no writer of the journal wrote it");
    }
}
