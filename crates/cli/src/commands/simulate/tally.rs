//! What was sent, and what should become of it.

use std::collections::BTreeMap;
use std::time::Duration;

use load::What;
use serde_json::json;
use terminal::output;

use super::after::Done;
use super::sender::Answered;

#[derive(Debug, Default)]
pub(super) struct Tally {
    seed: u64,
    /// Was the seed used before, so that orders are there already?
    is_used: bool,
    sent: BTreeMap<What, u64>,
    /// Over HTTP, by status.
    answers: BTreeMap<u16, u64>,
}

impl Tally {
    pub(super) fn new(seed: u64, is_used: bool) -> Self {
        Self { seed, is_used, ..Self::default() }
    }

    pub(super) fn sent(&mut self, what: What) {
        *self.sent.entry(what).or_default() += 1;
    }

    pub(super) fn answered(&mut self, answered: Answered) {
        if let Answered::Status(status) = answered {
            *self.answers.entry(status).or_default() += 1;
        }
    }

    fn of(&self, wanted: impl Fn(What) -> bool) -> u64 {
        self.sent.iter().filter(|(what, _)| wanted(**what)).map(|(_, count)| count).sum()
    }

    pub(super) fn print(&self, as_json: bool, took: Duration, done: Option<&Done>) {
        let Self { seed, is_used, .. } = *self;
        let messages = self.of(|_| true);
        let placed = self.of(|what| matches!(what, What::Sale | What::Return));
        let seconds = took.as_secs_f64();
        let count = f64::from(u32::try_from(messages).unwrap_or(u32::MAX));
        let per_second = (count / seconds.max(f64::EPSILON)).round();
        if as_json {
            let broken: BTreeMap<_, _> = self.sent.iter().filter_map(broken).collect();
            let mut answer = json!({
                "orders": messages, "seed": seed, "seed_used_before": is_used, "seconds": (seconds * 1000.0).round() / 1000.0,
                "per_second": per_second,
                "sent": {
                    "sales": self.of(|what| what == What::Sale),
                    "returns": self.of(|what| what == What::Return),
                    "duplicates": self.of(|what| what == What::Duplicate),
                    "conflicts": self.of(|what| what == What::Conflict),
                    "broken": broken,
                },
                "expected": {"placed": placed},
                "answers": self.answers,
            });
            if let (Some(done), Some(members)) = (done, answer.as_object_mut()) {
                members.insert("done".into(), json!(done));
            }
            output::json(&answer);
            return;
        }
        let rows = self.sent.iter().map(|(what, count)| {
            let (what, becomes) = words(*what);
            vec![what, count.to_string(), becomes.to_owned()]
        });
        output::table(&["sent", "messages", "becomes"], &[1], rows);
        for (status, count) in &self.answers {
            output::line(format_args!("{count} answered {status}"));
        }
        let unless = match is_used {
            true => {
                " at most, as the seed was used before, and what is there already is not placed again"
            }
            false => "",
        };
        output::line(format_args!(
            "{messages} messages sent and confirmed in {seconds:.1} s, {per_second} a second; \
             {placed} orders to be placed{unless}; seed {seed}"
        ));
        done.into_iter().for_each(|done| output::line(done.line()));
    }
}

fn broken((what, count): (&What, &u64)) -> Option<(&'static str, u64)> {
    match what {
        What::Broken(fault) => Some((fault.as_str(), *count)),
        What::Sale | What::Return | What::Duplicate | What::Conflict => None,
    }
}

fn words(what: What) -> (String, &'static str) {
    match what {
        What::Sale => ("sales".to_owned(), "placed"),
        What::Return => ("returns".to_owned(), "placed"),
        What::Duplicate => ("duplicates".to_owned(), "ignored"),
        What::Conflict => ("conflicts".to_owned(), "errors.conflict.>"),
        What::Broken(fault) => (fault.as_str().to_owned(), "errors.dead.order-ingest, or 4xx"),
    }
}
