//! Resource usage of processes, from `/proc`.

use std::collections::BTreeMap;
use std::fs;

use machine::dir::Run;

/// `USER_HZ`: the unit of CPU time in `/proc` on all machines that we support (`man 5 proc`).
const TICKS_PER_SECOND: u32 = 100;

/// The usage of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time since its start, in seconds.
    pub(crate) cpu: f64,
    /// Resident memory now, in bytes.
    pub(crate) resident: u64,
}

/// The usage of every process of a pipeline, by name.
pub(crate) type All = BTreeMap<String, Usage>;

pub(crate) fn all(run: &Run) -> All {
    let processes = run.processes.iter();
    processes.filter_map(|(name, process)| Some((name.clone(), of(process.pid)?))).collect()
}

/// The usage of a process; `None` if it has ended.
pub(crate) fn of(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name may contain anything; it ends at the last bracket.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    let (user, system) = (ticks(11)?, ticks(12)?);
    let cpu = f64::from(user + system) / f64::from(TICKS_PER_SECOND);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(Usage { cpu, resident: kib * 1024 })
}

/// CPU time of each process between two readings, divided by `count`: `a 12 µs, b 3 µs`.
pub(crate) fn per_one(before: &All, after: &All, count: f64) -> String {
    let mut used: Vec<(f64, &str)> = after
        .iter()
        .map(|(name, usage)| {
            let before = before.get(name).map_or(0.0, |usage| usage.cpu);
            ((usage.cpu - before) * 1e6 / count, name.as_str())
        })
        .filter(|(micros, _)| 0.5 <= *micros)
        .collect();
    used.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sum: f64 = used.iter().map(|(micros, _)| micros).sum();
    let parts: Vec<String> =
        used.iter().map(|(micros, name)| format!("{name} {micros:.0}")).collect();
    format!("CPU µs for each: {sum:.0} = {}", parts.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_can_be_read() {
        let usage = of(std::process::id()).unwrap();
        assert!(0.0 <= usage.cpu && 1024 * 1024 < usage.resident);
        assert!(of(u32::MAX).is_none());
    }

    #[test]
    fn usage_is_shown_per_order() {
        let one = |cpu| Usage { cpu, resident: 0 };
        let before = All::from([("a".to_owned(), one(1.0))]);
        let after = All::from([("a".to_owned(), one(3.0)), ("b".to_owned(), one(1.0))]);
        let text = per_one(&before, &after, 1e6);
        assert_eq!(text, "CPU µs for each: 3 = a 2 + b 1");
    }
}
