//! Options for faults of members.

use std::path::PathBuf;
use std::time::Duration;

/// Which faults are injected into the members of a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Programs of later versions, in the order in which all members are upgraded to them: the first
    /// one before any other fault, the others spread evenly over the time.
    pub upgrades: Vec<PathBuf>,
    /// Send nothing during an upgrade, and start it only after everything is decided.
    pub quiet_upgrades: bool,
    /// Only let leaders step down, kill them and restart members; do not suspend, isolate or empty any.
    pub gentle: bool,
    /// Sync each write to disk before it is confirmed, like `k8s/base`; not before version 2.10.
    pub sync_always: bool,
    /// Ask members to move their clients before they end, like pods, which takes 30 s each; otherwise
    /// they get SIGTERM.
    pub lame_duck: bool,
    /// Shortest and longest suspension of a member; a leader's lease is 10 s.
    pub pause: (Duration, Duration),
    /// Shortest and longest partition.
    pub isolate: (Duration, Duration),
    /// At the end, leaders step down until the leader has changed this often.
    pub changes_min: u64,
    /// Longest median time without decisions after a change of leaders.
    pub gap_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            upgrades: Vec::new(),
            quiet_upgrades: false,
            gentle: false,
            sync_always: false,
            lame_duck: false,
            pause: (Duration::from_secs(12), Duration::from_secs(12)),
            isolate: (Duration::from_secs(8), Duration::from_secs(12)),
            changes_min: 0,
            gap_max: Duration::from_secs(10),
        }
    }
}
