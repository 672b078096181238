//! How hard the members are harmed.

use std::path::PathBuf;
use std::time::Duration;

/// What is done to the members of a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Programs of later versions, in the order in which all members get them: the first one before
    /// anything else is done, the others evenly over the time.
    pub upgrades: Vec<PathBuf>,
    /// Nothing is sent during an upgrade, and everything is decided before it.
    pub quiet_upgrades: bool,
    /// Nobody is stopped, cut off or emptied: leaders step down and die, and members are restarted.
    pub gentle: bool,
    /// Sync each write to disk before it is confirmed, as `k8s/base` does; not before version 2.10.
    pub sync_always: bool,
    /// Members are asked as pods are to send their clients elsewhere before they end, which takes 30 s
    /// each; else they get SIGTERM.
    pub lame_duck: bool,
    /// Shortest and longest stop of a member; a leader's lease is 10 s.
    pub pause: (Duration, Duration),
    /// Shortest and longest partition.
    pub isolate: (Duration, Duration),
    /// Leaders step down at the end until another one has led so often.
    pub changes_min: u64,
    /// How long nothing may be decided when another one leads, in half of all cases.
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
