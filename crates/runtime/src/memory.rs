//! How much memory the bodies of requests may use, derived from the memory of the process.

use std::path::Path;

const MIB: u64 = 1024 * 1024;

/// Assumed when no setting or limit says how much memory there is.
pub const MEMORY_DEFAULT: u64 = 256 * MIB;
/// Memory of a connection: its buffers for reading and writing, and its tasks.
const CONNECTION_BYTES: u64 = 40 * 1024;
/// Bodies get at least this much in total, so that one message of NATS always fits (1 MiB, a third more
/// as base64). A function that leaves less memory logs a warning.
const BODIES_MIN: u64 = 4 * MIB;
/// More is never needed: 64 calls with the connector's largest batch use half of it.
const BODIES_MAX: u64 = 1024 * MIB;
/// Most memory for callers without a token.
const OPEN_MAX: u64 = 4 * MIB;
/// A tenth stays free for memory that the allocator keeps, and for peaks between two measurements.
const USABLE_PERCENT: u64 = 90;

/// The memory of a function besides the bodies of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Most bytes that it uses while it answers no request, including its own caches and buffers up to
    /// their limits.
    pub base: u64,
    /// Most bytes that a request uses for each byte of its body, including the body.
    pub copies: u64,
}

impl Memory {
    /// `base` in MiB.
    pub const fn new(base_mib: u64, copies: u64) -> Self {
        Self { base: base_mib * MIB, copies }
    }

    /// The memory for bodies in a process with a limit of `limit` bytes and this many connections.
    pub fn bodies(self, limit: u64, connections: usize) -> Bodies {
        let connections = u64::try_from(connections).unwrap_or(u64::MAX);
        let taken = self.base.saturating_add(connections.saturating_mul(CONNECTION_BYTES));
        let usable = limit.saturating_mul(USABLE_PERCENT) / 100;
        let free = usable.saturating_sub(taken) / self.copies.max(1);
        let all = free.clamp(BODIES_MIN, BODIES_MAX);
        let (open, people) = ((all / 8).min(OPEN_MAX), all / 4);
        let connector = all.saturating_sub(open + people);
        let most = taken.saturating_add(all.saturating_mul(self.copies));
        Bodies { connector, people, open, most, is_short: free < BODIES_MIN }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(32, 8)
    }
}

/// How many bytes of bodies may be in memory at once, from the first byte read until the handler has
/// ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bodies {
    /// For calls of the connector.
    pub connector: u64,
    /// For people with a token.
    pub people: u64,
    /// For open routes, without a token.
    pub open: u64,
    /// Most bytes that the process uses with so many bodies.
    pub most: u64,
    /// The process has less memory than this needs.
    pub is_short: bool,
}

/// The memory limit of the process's control group: what Kubernetes gives to a pod. `root` is
/// `/sys/fs/cgroup`, where a container sees its own group, of version 2 or 1.
pub(crate) fn cgroup_limit(root: &Path) -> Option<u64> {
    /// Version 1 reports a number near 2⁶³ for "no limit".
    const NO_LIMIT: u64 = 1 << 50;
    let read = |name: &str| {
        let text = std::fs::read_to_string(root.join(name)).ok()?;
        text.trim().parse().ok().filter(|limit| *limit < NO_LIMIT)
    };
    read("memory.max").or_else(|| read("memory/memory.limit_in_bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_get_what_the_rest_leaves() {
        let bodies = Memory::new(24, 6).bodies(128 * MIB, 256);
        let Bodies { connector, people, open, most, is_short } = bodies;
        assert!(!is_short && open < people && people < connector, "{bodies:?}");
        assert!(8 * MIB < connector, "{bodies:?}");
        assert!(110 * MIB < most && most <= 116 * MIB, "{bodies:?}");
        assert!(Memory::new(24, 6).bodies(u64::MAX, 256).open <= OPEN_MAX);
    }

    #[test]
    fn too_little_memory_is_reported_and_a_message_still_fits() {
        let bodies = Memory::new(60, 6).bodies(64 * MIB, 256);
        assert!(bodies.is_short && 2 * MIB < bodies.connector, "{bodies:?}");
        assert!(64 * MIB < bodies.most);
    }

    #[test]
    fn the_limit_is_that_of_the_control_group() {
        let check = |name: &str, text: &str, expected: Option<u64>| {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            assert_eq!(cgroup_limit(root.path()), expected, "{name} {text:?}");
        };
        check("memory.max", "67108864\n", Some(64 * MIB));
        check("memory.max", "max\n", None);
        check("memory/memory.limit_in_bytes", "67108864\n", Some(64 * MIB));
        check("memory/memory.limit_in_bytes", "9223372036854771712\n", None);
        check("other", "1", None);
    }
}
