//! Counts faults, recovery times and problems.

use crate::lock;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

/// Shared by all concurrent tasks.
#[derive(Debug, Default)]
pub(super) struct Tally {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    done: BTreeMap<String, u64>,
    recoveries: BTreeMap<String, Vec<Duration>>,
    under_way: BTreeSet<String>,
    problems: Vec<String>,
}

impl Tally {
    /// A fault begins from which the pipeline must recover.
    pub(super) fn begin(&self, what: &str) {
        lock(&self.state).under_way.insert(what.to_owned());
    }

    /// The pipeline has recovered after this time, or not at all.
    pub(super) fn end(&self, what: &str, recovered: Option<Duration>) {
        let mut state = lock(&self.state);
        state.under_way.remove(what);
        *state.done.entry(what.to_owned()).or_default() += 1;
        match recovered {
            Some(duration) => state.recoveries.entry(what.to_owned()).or_default().push(duration),
            None => state.problems.push(format!("{what}: it did not recover")),
        }
    }

    /// A fault ended that needs no recovery, or whose recovery cannot be observed.
    pub(super) fn done(&self, what: &str) {
        let mut state = lock(&self.state);
        state.under_way.remove(what);
        *state.done.entry(what.to_owned()).or_default() += 1;
    }

    /// Adds a problem.
    pub(super) fn problem(&self, text: String) {
        lock(&self.state).problems.push(text);
    }

    pub(super) fn problems(&self) -> Vec<String> {
        lock(&self.state).problems.clone()
    }

    /// Number of faults whose name begins with `prefix`.
    pub(super) fn count(&self, prefix: &str) -> u64 {
        let state = lock(&self.state);
        state.done.iter().filter(|(what, _)| what.starts_with(prefix)).map(|(_, n)| n).sum()
    }

    /// Faults that have not ended.
    pub(super) fn under_way(&self) -> Vec<String> {
        lock(&self.state).under_way.iter().cloned().collect()
    }

    /// A line for each kind: how often, and the median and longest recovery time.
    pub(super) fn table(&self, faults: &BTreeMap<String, u64>) -> String {
        let mut text =
            format!("{:<36} {:>6}  {:>10} {:>10}\n", "what", "times", "median", "longest");
        let state = lock(&self.state);
        for (what, count) in &state.done {
            let mut times = state.recoveries.get(what).cloned().unwrap_or_default();
            times.sort();
            let of = |time: Option<&Duration>| {
                time.map_or("-".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()))
            };
            let (median, longest) = (of(times.get(times.len() / 2)), of(times.last()));
            writeln!(text, "{what:<36} {count:>6}  {median:>10} {longest:>10}")
                .expect("text takes everything");
        }
        for (what, count) in faults {
            writeln!(text, "{what:<36} {count:>6}").expect("text takes everything");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_counts_and_times() {
        let tally = Tally::default();
        for seconds in [3, 1, 2] {
            tally.begin("kill a");
            assert_eq!(tally.under_way(), ["kill a"]);
            tally.end("kill a", Some(Duration::from_secs(seconds)));
        }
        tally.end("kill b", None);
        let table = tally.table(&BTreeMap::from([("reset (NATS)".into(), 7)]));
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(lines[1..], ["kill a 3 2.00 s 3.00 s", "kill b 1 - -", "reset (NATS) 7"]);
        assert_eq!(tally.problems(), ["kill b: it did not recover"]);
        assert_eq!((tally.count("kill"), tally.under_way().len()), (4, 0));
    }
}
