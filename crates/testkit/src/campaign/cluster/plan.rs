//! The plan of faults for the members of a cluster: one after another, determined by the seed alone.

use super::options::Options;
use super::watch::META;
use fastrand::Rng;
use messaging::streams::{JOURNAL, ORDERS};
use std::time::Duration;

/// How often a leader is asked to step down in each round.
const STEP_DOWNS: usize = 6;
/// How long a killed member is down.
const DOWN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(4));

/// The member for a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// The leader of a stream, or the meta leader ([`META`]).
    Leader(&'static str),
    /// A member that leads neither orders nor decisions, if there is one.
    Follower,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The leader of this stream is asked to step down.
    StepDown(&'static str),
    /// Killed with SIGKILL, and restarted after this time.
    Kill(Whom, Duration),
    /// Suspended for this time, then resumed.
    Pause(Whom, Duration),
    /// Isolated from the other members for this time, while its clients stay connected.
    Isolate(Whom, Duration),
    /// Killed, and restarted with an empty store.
    EmptyDisk(Whom),
    /// All members are ended and restarted one after another.
    RollingRestart,
}

impl Fault {
    /// Its name in tables.
    pub(super) fn name(self) -> String {
        match self {
            Self::StepDown(group) => format!("step-down of {group}'s leader"),
            Self::Kill(whom, _) => format!("death of {}", whom.name()),
            Self::Pause(whom, _) => format!("stop of {}", whom.name()),
            Self::Isolate(whom, _) => format!("partition of {}", whom.name()),
            Self::EmptyDisk(whom) => format!("empty disk of {}", whom.name()),
            Self::RollingRestart => "rolling restart".to_owned(),
        }
    }

    /// Does it only step down, kill or restart?
    fn is_gentle(self) -> bool {
        matches!(self, Self::StepDown(_) | Self::Kill(..) | Self::RollingRestart)
    }
}

impl Whom {
    fn name(self) -> String {
        match self {
            Self::Leader(group) => format!("{group}'s leader"),
            Self::Follower => "a follower".to_owned(),
        }
    }
}

/// An endless sequence of faults: each occurs once per round, in random order.
pub(super) struct Faults {
    rng: Rng,
    pause: (Duration, Duration),
    isolate: (Duration, Duration),
    gentle: bool,
    left: Vec<Fault>,
}

impl Faults {
    pub(super) fn new(seed: u64, options: &Options) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            pause: options.pause,
            isolate: options.isolate,
            gentle: options.gentle,
            left: Vec::new(),
        }
    }

    fn round(&mut self) -> Vec<Fault> {
        let groups = [ORDERS, JOURNAL, META];
        let mut round = Vec::new();
        for stream in [ORDERS, JOURNAL] {
            round.extend([Fault::StepDown(stream); STEP_DOWNS]);
        }
        for whom in groups.map(Whom::Leader).into_iter().chain([Whom::Follower]) {
            round.push(Fault::Kill(whom, between(&mut self.rng, DOWN)));
        }
        for whom in [ORDERS, JOURNAL].map(Whom::Leader) {
            round.push(Fault::Pause(whom, between(&mut self.rng, self.pause)));
        }
        for whom in [Whom::Leader(JOURNAL), Whom::Leader(META), Whom::Follower] {
            round.push(Fault::Isolate(whom, between(&mut self.rng, self.isolate)));
        }
        let leader = *self.rng.choice(&groups).expect("there are groups");
        round.extend([Fault::EmptyDisk(Whom::Leader(leader)), Fault::RollingRestart]);
        if self.gentle {
            round.retain(|fault| fault.is_gentle());
        }
        self.rng.shuffle(&mut round);
        round
    }
}

impl Iterator for Faults {
    type Item = Fault;

    fn next(&mut self) -> Option<Fault> {
        if self.left.is_empty() {
            self.left = self.round();
        }
        self.left.pop()
    }
}

fn between(rng: &mut Rng, (shortest, longest): (Duration, Duration)) -> Duration {
    shortest + longest.saturating_sub(shortest).mul_f64(rng.f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn faults(seed: u64) -> Faults {
        let pause = (Duration::from_secs(12), Duration::from_secs(20));
        let options = Options { pause, isolate: pause, ..Options::default() };
        Faults::new(seed, &options)
    }

    #[test]
    fn the_same_seed_does_the_same_and_another_one_does_not() {
        let of = |seed| faults(seed).take(40).collect::<Vec<_>>();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn gentle_faults_do_not_suspend_isolate_or_empty_members() {
        let options = Options { gentle: true, ..Options::default() };
        let names: Vec<_> = Faults::new(7, &options).take(40).map(Fault::name).collect();
        let harsh = ["stop ", "partition ", "empty "];
        assert!(names.iter().all(|name| !harsh.iter().any(|harsh| name.starts_with(harsh))));
        assert!(names.iter().any(|name| name.starts_with("death ")), "{names:?}");
    }

    #[test]
    fn a_round_has_everything() {
        let mut faults = faults(7);
        let (length, (shortest, longest)) = (faults.round().len(), faults.pause);
        let mut names = BTreeMap::<String, u32>::new();
        for fault in faults.by_ref().take(2 * length) {
            *names.entry(fault.name()).or_default() += 1;
            if let Fault::Pause(_, during) | Fault::Isolate(_, during) = fault {
                assert!((shortest..=longest).contains(&during));
            }
        }
        let empty: u32 =
            names.iter().filter(|(name, _)| name.starts_with("empty")).map(|n| n.1).sum();
        assert_eq!((empty, names["rolling restart"]), (2, 2));
        names.retain(|name, _| !name.starts_with("empty"));
        assert!(names.len() == 12 && names.values().all(|count| *count >= 2), "{names:?}");
    }
}
