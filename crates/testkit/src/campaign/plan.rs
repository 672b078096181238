//! The schedule of faults, determined by the seed alone.

use crate::proxy::{Fault, Side};
use fastrand::Rng;
use std::time::Duration;

/// The name of nats-server in `run.json`.
pub(super) const NATS: &str = "nats-server";

/// Number and kind of faults.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) length: Duration,
    /// All processes that can be killed.
    pub(super) parts: Vec<String>,
    pub(super) kills: u32,
    pub(super) faults: u32,
    pub(super) pauses: u32,
    pub(super) clock_jumps: u32,
    pub(super) disk_full: u32,
    pub(super) empty_store: u32,
    /// Whether there are several nats-servers.
    pub(super) has_routes: bool,
    /// Longest stall, delay or half-open time of a connection.
    pub(super) fault_max: Duration,
    /// Shortest and longest pause of a process.
    pub(super) pause: (Duration, Duration),
}

/// The ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Any process and nats-server.
    Nats,
    /// The connector and the gateway.
    Gateway,
    /// Two nats-servers.
    Route,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Injection {
    /// Killed with SIGKILL.
    Kill(String),
    /// Suspended for this time, then resumed.
    Pause(String, Duration),
    /// A fault of a connection.
    Fault(Link, Fault, usize),
    /// Killed, and restarted with a clock that is wrong by this many hours.
    Clock(String, i8),
    /// The disk of nats-server is full for this time.
    DiskFull(Duration),
    /// nats-server runs with an empty store for this time; with `streams`, the streams have been
    /// created in it.
    EmptyStore { streams: bool, during: Duration },
}

/// A fault with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Time since the start.
    pub(super) at: Duration,
    pub(super) what: Injection,
}

/// The events in order of time; the same plan gives the same events.
pub(super) fn schedule(plan: &Plan) -> Vec<Event> {
    let mut rng = Rng::with_seed(plan.seed);
    let mut what = Vec::new();
    let victims = Victims::new(plan, &mut rng, |_| true);
    what.extend(victims.take(plan.kills).map(Injection::Kill));
    let paused = Victims::new(plan, &mut rng, |_| true);
    for part in paused.take(plan.pauses) {
        what.push(Injection::Pause(part, between(&mut rng, plan.pause.0, plan.pause.1)));
    }
    // The servers do not get our environment.
    let jumping = Victims::new(plan, &mut rng, |part| part != NATS && part != "sshd");
    for part in jumping.take(plan.clock_jumps) {
        what.push(Injection::Clock(part, if rng.bool() { 1 } else { -1 }));
    }
    for _ in 0..plan.faults {
        let link = match rng.u8(..4) {
            0 => Link::Gateway,
            1 if plan.has_routes => Link::Route,
            _ => Link::Nats,
        };
        what.push(Injection::Fault(link, fault(&mut rng, plan.fault_max), rng.usize(..1 << 16)));
    }
    let mut events: Vec<Event> =
        what.into_iter().map(|what| Event { at: any(&mut rng, plan.length), what }).collect();
    for number in 0..plan.disk_full {
        let during = between(&mut rng, Duration::from_secs(3), Duration::from_secs(10));
        let at = spread(plan.length, number, plan.disk_full, 0.3);
        events.push(Event { at, what: Injection::DiskFull(during) });
    }
    for number in 0..plan.empty_store {
        let during = between(&mut rng, Duration::from_secs(5), Duration::from_secs(15));
        let at = spread(plan.length, number, plan.empty_store, 0.7);
        let streams = number % 2 == 0;
        events.push(Event { at, what: Injection::EmptyStore { streams, during } });
    }
    events.sort_by_key(|event| event.at);
    events
}

/// Chooses processes: each once, in random order, before one is chosen again.
struct Victims {
    parts: Vec<String>,
}

impl Victims {
    fn new(plan: &Plan, rng: &mut Rng, can: impl Fn(&str) -> bool) -> Self {
        let mut parts: Vec<String> = plan.parts.iter().filter(|part| can(part)).cloned().collect();
        rng.shuffle(&mut parts);
        Self { parts }
    }

    fn take(self, count: u32) -> impl Iterator<Item = String> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let length = self.parts.len();
        let all = (0..count).filter_map(move |n| self.parts.get(n.checked_rem(length)?).cloned());
        all.collect::<Vec<_>>().into_iter()
    }
}

fn fault(rng: &mut Rng, longest: Duration) -> Fault {
    let shortest = longest / 60;
    match rng.u8(..10) {
        0..3 => Fault::Reset,
        3..6 => Fault::DropReplies(any(rng, longest / 10)),
        6 => Fault::Stall(mostly_short(rng, shortest, longest)),
        7 => {
            let by = any(rng, Duration::from_millis(200));
            Fault::Delay { by, during: mostly_short(rng, shortest, longest) }
        }
        8 => Fault::Slices(mostly_short(rng, shortest, longest)),
        _ => {
            let gone = if rng.bool() { Side::Client } else { Side::Server };
            Fault::HalfOpen { gone, during: mostly_short(rng, shortest, longest) }
        }
    }
}

fn any(rng: &mut Rng, longest: Duration) -> Duration {
    longest.mul_f64(rng.f64())
}

fn between(rng: &mut Rng, shortest: Duration, longest: Duration) -> Duration {
    shortest + any(rng, longest.saturating_sub(shortest))
}

/// A quarter of the range on average: with many long faults, no connection would ever work, and the
/// next fault would hit an idle pipeline.
fn mostly_short(rng: &mut Rng, shortest: Duration, longest: Duration) -> Duration {
    shortest + longest.saturating_sub(shortest).mul_f64(rng.f64().powi(3))
}

/// The time of event `number` of `count`, each in its own part of `length`.
fn spread(length: Duration, number: u32, count: u32, place: f64) -> Duration {
    length.mul_f64((f64::from(number) + place) / f64::from(count.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn plan(seed: u64) -> Plan {
        Plan {
            seed,
            length: Duration::from_secs(100),
            parts: ["a", "b", NATS, "sshd"].map(String::from).to_vec(),
            kills: 50,
            faults: 1_000,
            pauses: 4,
            clock_jumps: 5,
            disk_full: 1,
            empty_store: 2,
            has_routes: false,
            fault_max: Duration::from_secs(6),
            pause: (Duration::from_secs(2), Duration::from_secs(3)),
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_schedule_and_another_one_does_not() {
        assert_eq!(schedule(&plan(7)), schedule(&plan(7)));
        assert_ne!(schedule(&plan(7)), schedule(&plan(8)));
    }

    #[test]
    fn all_requested_faults_happen_in_time_and_to_every_process() {
        let plan = plan(7);
        let events = schedule(&plan);
        let mut killed = BTreeMap::<&str, u32>::new();
        let mut faults = BTreeMap::<&str, u32>::new();
        let mut count = [0; 4];
        for event in &events {
            assert!(event.at <= plan.length);
            match &event.what {
                Injection::Kill(part) => *killed.entry(part).or_default() += 1,
                Injection::Fault(_, fault, _) => *faults.entry(fault.name()).or_default() += 1,
                Injection::Pause(_, during) => {
                    assert!((plan.pause.0..=plan.pause.1).contains(during));
                    count[0] += 1;
                }
                Injection::Clock(part, _) => {
                    assert!(part != NATS && part != "sshd");
                    count[1] += 1;
                }
                Injection::DiskFull(_) => count[2] += 1,
                Injection::EmptyStore { .. } => count[3] += 1,
            }
        }
        assert_eq!(killed.len(), 4);
        assert!(killed.values().all(|kills| (12..=13).contains(kills)), "{killed:?}");
        assert_eq!(faults.values().sum::<u32>(), 1_000);
        assert!(faults.len() == 7 && faults.values().all(|count| *count > 20), "{faults:?}");
        assert_eq!(count, [4, 5, 1, 2]);
        assert!(events.is_sorted_by_key(|event| event.at));
    }
}
