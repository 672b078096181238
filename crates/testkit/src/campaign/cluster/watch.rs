//! Who leads, and how long no decision is stored when another one does.

use super::META;
use crate::lock;
use messaging::streams::{JOURNAL, ORDERS};
use servers::cluster::{Monitor, View};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How often each member is asked.
const EVERY: Duration = Duration::from_millis(100);

/// Asks every member all the time until it is dropped.
#[derive(Debug)]
pub(in super::super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Seen {
    /// By member: what it led when it was asked last.
    claims: BTreeMap<usize, BTreeSet<String>>,
    /// Who has begun to lead last.
    leaders: BTreeMap<String, usize>,
    changes: BTreeMap<String, Changes>,
    journal_end: u64,
    /// When decisions were seen last, and the time before.
    decided: [Instant; 2],
    /// Changes behind which no decision was seen yet, with the last one before.
    open: Vec<(String, Instant)>,
}

/// Of one stream, or of all of them.
#[derive(Clone, Debug, Default)]
struct Changes {
    count: u64,
    /// How long no decision was stored.
    gaps: Vec<Duration>,
}

/// What was seen of the leaders.
#[derive(Clone, Debug)]
pub(in super::super) struct Figures {
    /// Another member leads orders, decisions, or all: so often.
    pub(in super::super) changes: u64,
    /// How long no decision was stored around such a change: the median and the longest.
    pub(in super::super) gap: Option<(Duration, Duration)>,
    /// A line for each stream.
    pub(in super::super) table: String,
}

impl Watch {
    pub(super) fn start(monitors: Vec<Monitor>) -> Self {
        let now = Instant::now();
        let seen = Arc::new(Mutex::new(Seen {
            claims: BTreeMap::new(),
            leaders: BTreeMap::new(),
            changes: BTreeMap::new(),
            journal_end: 0,
            decided: [now; 2],
            open: Vec::new(),
        }));
        let ended = Arc::new(AtomicBool::new(false));
        for (member, monitor) in monitors.into_iter().enumerate() {
            let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
            // One that is stopped does not answer for seconds, and must not keep the others waiting.
            std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    match monitor.view() {
                        Ok(view) => lock(&seen).hear(member, &view, Instant::now()),
                        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                            lock(&seen).hear(member, &View::default(), Instant::now());
                        }
                        // It may lead all the same.
                        Err(_) => {}
                    }
                    std::thread::sleep(EVERY);
                }
            });
        }
        Self { seen, ended }
    }

    /// Who leads it.
    pub(super) fn leader(&self, group: &str) -> Option<usize> {
        let seen = lock(&self.seen);
        let leader = *seen.leaders.get(group)?;
        let still = seen.claims.get(&leader).is_some_and(|claims| claims.contains(group));
        still.then_some(leader)
    }

    /// Were decisions stored twice since then? The first may have been on its way before.
    pub(super) fn has_decided_since(&self, time: Instant) -> bool {
        time < lock(&self.seen).decided[0]
    }

    /// What was seen until now.
    pub(in super::super) fn figures(&self) -> Figures {
        let changes = lock(&self.seen).changes.clone();
        let mut table = format!(
            "{:<36} {:>6}  {:>10} {:>10}\n",
            "another leader of", "times", "median", "longest"
        );
        let mut all = Changes::default();
        for (group, mut of) in changes {
            let (median, longest) = of.gap().map_or(("-".to_owned(), "-".to_owned()), |(m, l)| {
                (format!("{:.2} s", m.as_secs_f64()), format!("{:.2} s", l.as_secs_f64()))
            });
            writeln!(table, "{group:<36} {:>6}  {median:>10} {longest:>10}", of.count)
                .expect("text takes everything");
            if [ORDERS, JOURNAL, META].contains(&group.as_str()) {
                all.count += of.count;
                all.gaps.append(&mut of.gaps);
            }
        }
        Figures { changes: all.count, gap: all.gap(), table }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl Changes {
    fn gap(&mut self) -> Option<(Duration, Duration)> {
        self.gaps.sort();
        Some((*self.gaps.get(self.gaps.len() / 2)?, *self.gaps.last()?))
    }
}

impl Seen {
    /// One that begins to lead what another one led before is a change. A gap is counted from the last
    /// decision that was certainly before it to the first that was certainly behind it.
    fn hear(&mut self, member: usize, view: &View, now: Instant) {
        let before = self.decided[1];
        let end = view.ends.get(JOURNAL).copied().unwrap_or(0);
        if self.journal_end < end {
            self.journal_end = end;
            self.decided = [before, now];
            for (group, last) in self.open.drain(..) {
                self.changes.entry(group).or_default().gaps.push(now - last);
            }
        }
        let mut claims = view.leads.clone();
        if view.leads_all {
            claims.insert(META.to_owned());
        }
        let known = self.claims.get(&member).cloned().unwrap_or_default();
        for group in claims.difference(&known) {
            let last = self.leaders.insert(group.clone(), member);
            if last.is_some_and(|last| last != member) {
                self.changes.entry(group.clone()).or_default().count += 1;
                self.open.push((group.clone(), before));
            }
        }
        self.claims.insert(member, claims);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(leads: &[&str], journal: u64) -> View {
        View {
            leads_all: false,
            leads: leads.iter().map(|name| (*name).to_owned()).collect(),
            ends: BTreeMap::from([(JOURNAL.to_owned(), journal)]),
        }
    }

    #[test]
    fn a_gap_lasts_from_the_last_decision_before_a_change_to_the_first_behind_it() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut seen = Seen {
            claims: BTreeMap::new(),
            leaders: BTreeMap::new(),
            changes: BTreeMap::new(),
            journal_end: 0,
            decided: [start; 2],
            open: Vec::new(),
        };
        seen.hear(0, &view(&[ORDERS, JOURNAL], 1), at(1));
        seen.hear(1, &view(&[], 1), at(2));
        // Member 0 still takes itself for the leader.
        seen.hear(1, &view(&[JOURNAL], 1), at(4));
        seen.hear(0, &view(&[ORDERS, JOURNAL], 1), at(5));
        seen.hear(2, &view(&[], 2), at(8));
        seen.hear(1, &view(&[JOURNAL], 3), at(9));
        seen.hear(0, &view(&[ORDERS], 3), at(10));
        let changes = &seen.changes[JOURNAL];
        assert_eq!((changes.count, &changes.gaps[..]), (1, &[Duration::from_secs(7)][..]));
        assert!(!seen.changes.contains_key(ORDERS));
        assert_eq!((seen.leaders[JOURNAL], seen.leaders[ORDERS]), (1, 0));
        assert_eq!(seen.decided, [at(8), at(9)]);
    }
}
