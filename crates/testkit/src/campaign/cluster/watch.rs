//! Observes who leads, and how long no decision is stored after a change of leaders.

use crate::lock;
use anyhow::Result;
use futures_util::StreamExt as _;
use messaging::Nats;
use messaging::header::DECISION_SEQUENCE;
use messaging::streams::{JOURNAL, ORDERS};
use servers::cluster::{Monitor, View};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The name of the meta group, used like the name of a stream.
pub(super) const META: &str = "meta";

/// How often each member is asked.
const EVERY: Duration = Duration::from_millis(100);

/// How many decisions are remembered: those of some minutes.
const DECIDED_MAX: usize = 10_000;

/// Asks every member repeatedly until it is dropped.
#[derive(Debug)]
pub(in super::super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Seen {
    /// By member: the streams that it led according to its last answer.
    claims: BTreeMap<usize, (Instant, BTreeSet<String>)>,
    /// By stream: the member that became leader last.
    leaders: BTreeMap<String, usize>,
    changes: BTreeMap<String, Changes>,
    /// The last journal entry that decided an order.
    entry: u64,
    /// When the last new decisions were seen.
    decided: VecDeque<Instant>,
    /// Changes after which nothing has been decided yet, with the time of each.
    open: Vec<(String, Instant)>,
}

/// Changes of the leader of one stream, or of all streams.
#[derive(Clone, Debug, Default)]
struct Changes {
    count: u64,
    /// How long no decision was stored, for each change.
    gaps: Vec<Duration>,
}

/// What was observed about leaders.
#[derive(Clone, Debug)]
pub(in super::super) struct Figures {
    /// How often the leader of orders, of decisions or of the meta group changed.
    pub(in super::super) changes: u64,
    /// How long no decision was stored around such a change: median and longest time.
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
            entry: 0,
            decided: VecDeque::from([now]),
            open: Vec::new(),
        }));
        let ended = Arc::new(AtomicBool::new(false));
        for (member, monitor) in monitors.into_iter().enumerate() {
            let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
            // In its own thread: a suspended member does not answer for seconds and must not delay the
            // others.
            std::thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    match monitor.view() {
                        Ok(view) => lock(&seen).hear(member, &view, Instant::now()),
                        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                            lock(&seen).hear(member, &View::default(), Instant::now());
                        }
                        // It may still be the leader.
                        Err(_) => {}
                    }
                    std::thread::sleep(EVERY);
                }
            });
        }
        Self { seen, ended }
    }

    /// The current leader of a stream.
    pub(super) fn leader(&self, group: &str) -> Option<usize> {
        let seen = lock(&self.seen);
        let leader = *seen.leaders.get(group)?;
        seen.claims(leader, group).then_some(leader)
    }

    /// Observes decisions through this connection. A fact is published after its entry is stored, and
    /// the facts of the next entry after all facts of this one are stored.
    pub(super) async fn listen(&self, nats: &Nats, tasks: &mut JoinSet<()>) -> Result<()> {
        for subject in ["orders.confirmed.>", "orders.refused.>"] {
            let mut facts = nats.client.subscribe(subject).await?;
            let seen = Arc::clone(&self.seen);
            tasks.spawn(async move {
                while let Some(fact) = facts.next().await {
                    let headers = fact.headers.as_ref();
                    let entry = headers.and_then(|headers| headers.get(DECISION_SEQUENCE));
                    if let Some(entry) = entry.and_then(|entry| entry.as_str().parse().ok()) {
                        lock(&seen).hear_entry(entry, Instant::now());
                    }
                }
            });
        }
        Ok(())
    }

    /// Nothing was sent until now, so the time without decisions is not a gap.
    pub(super) fn was_idle(&self) {
        lock(&self.seen).be_idle_until(Instant::now());
    }

    /// Were two decisions stored since `time`? The first may have been in progress before.
    pub(super) fn has_decided_since(&self, time: Instant) -> bool {
        lock(&self.seen).decided.iter().nth_back(1).is_some_and(|second| time < *second)
    }

    /// What was observed so far.
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
    /// A member that leads a stream led by another member before is a change, between its last answer
    /// and this one.
    fn hear(&mut self, member: usize, view: &View, now: Instant) {
        let mut claims = view.leads.clone();
        if view.leads_all {
            claims.insert(META.to_owned());
        }
        let (since, known) = self.claims.remove(&member).unwrap_or((now, BTreeSet::new()));
        for group in &claims {
            let last = self.leaders.get(group).copied();
            // A member that led before, and was not asked in the meantime, may lead again.
            let is_back = last.is_some_and(|last| !self.claims(last, group));
            if last == Some(member) || known.contains(group) && !is_back {
                continue;
            }
            self.leaders.insert(group.clone(), member);
            if last.is_some() {
                self.changes.entry(group.clone()).or_default().count += 1;
                self.open.push((group.clone(), since));
            }
        }
        self.claims.insert(member, (now, claims));
    }

    fn be_idle_until(&mut self, now: Instant) {
        self.open.clear();
        self.decided = VecDeque::from([now]);
    }

    fn claims(&self, member: usize, group: &str) -> bool {
        self.claims.get(&member).is_some_and(|(_, claims)| claims.contains(group))
    }

    fn hear_entry(&mut self, entry: u64, now: Instant) {
        if entry <= self.entry {
            return;
        }
        self.entry = entry;
        if self.decided.len() == DECIDED_MAX {
            self.decided.pop_front();
        }
        self.decided.push_back(now);
        for (group, since) in std::mem::take(&mut self.open) {
            let gap = self.longest_gap(since);
            self.changes.entry(group).or_default().gaps.push(gap);
        }
    }

    /// The longest time between two decisions that ended after `since`.
    fn longest_gap(&self, since: Instant) -> Duration {
        let pairs = self.decided.iter().zip(self.decided.iter().skip(1));
        let later = pairs.filter(|(_, end)| since < **end);
        later.map(|(start, end)| *end - *start).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(leads: &[&str]) -> View {
        let leads = leads.iter().map(|name| (*name).to_owned()).collect();
        View { leads_all: false, leads }
    }

    fn seen(start: Instant) -> Seen {
        Seen {
            claims: BTreeMap::new(),
            leaders: BTreeMap::new(),
            changes: BTreeMap::new(),
            entry: 0,
            decided: VecDeque::from([start]),
            open: Vec::new(),
        }
    }

    #[test]
    fn a_gap_is_the_longest_time_between_decisions_around_a_change() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut seen = seen(start);
        seen.hear(0, &view(&[ORDERS, JOURNAL]), at(30));
        seen.hear_entry(1, at(31));
        seen.hear(1, &view(&[]), at(35));
        // Decided under the new leader before that leader is observed.
        seen.hear_entry(2, at(38));
        seen.hear(1, &view(&[JOURNAL]), at(39));
        // Member 0 still believes that it is the leader, and a fact is published again.
        seen.hear(0, &view(&[ORDERS, JOURNAL]), at(40));
        seen.hear_entry(2, at(50));
        assert!(seen.changes[JOURNAL].gaps.is_empty());
        seen.hear_entry(3, at(39));
        seen.hear(1, &view(&[JOURNAL]), at(41));
        seen.hear(0, &view(&[ORDERS]), at(42));
        let changes = &seen.changes[JOURNAL];
        assert_eq!((changes.count, &changes.gaps[..]), (1, &[Duration::from_secs(7)][..]));
        assert!(!seen.changes.contains_key(ORDERS));
        assert_eq!((seen.leaders[JOURNAL], seen.leaders[ORDERS]), (1, 0));
    }

    #[test]
    fn a_change_while_nothing_is_sent_has_no_gap() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut seen = seen(start);
        seen.hear(0, &view(&[ORDERS]), at(1));
        seen.hear(1, &view(&[ORDERS]), at(20));
        seen.be_idle_until(at(30));
        seen.hear(2, &view(&[ORDERS]), at(31));
        seen.hear_entry(1, at(32));
        let changes = &seen.changes[ORDERS];
        assert_eq!((changes.count, &changes.gaps[..]), (2, &[Duration::from_secs(2)][..]));
    }

    #[test]
    fn a_member_that_leads_again_before_it_is_asked_is_the_leader() {
        let now = Instant::now();
        let mut seen = seen(now);
        seen.hear(0, &view(&[ORDERS]), now);
        seen.hear(1, &view(&[ORDERS]), now);
        seen.hear(1, &view(&[]), now);
        assert_eq!(seen.leaders[ORDERS], 1);
        seen.hear(0, &view(&[ORDERS]), now);
        assert_eq!((seen.leaders[ORDERS], seen.changes[ORDERS].count), (0, 2));
    }
}
