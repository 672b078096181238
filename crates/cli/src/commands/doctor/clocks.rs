//! Whether clocks agree.

use super::finding::Finding;

/// Ages of files, leases and times of orders assume that clocks agree this well.
const APART_MAX_MS: i64 = 2_000;

/// `ahead_ms`: how far the other clock is ahead of this machine's.
pub(super) fn finding(what: &str, ahead_ms: i64) -> Finding {
    let seconds = |ms: u64| format!("{}.{} s", ms / 1_000, ms % 1_000 / 100);
    let apart = seconds(ahead_ms.unsigned_abs());
    if ahead_ms.abs() <= APART_MAX_MS {
        return Finding::good(what, format!("agrees with this machine's within {apart}"));
    }
    let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
    Finding::warning(
        what,
        format!("is {apart} {side} this machine's; ages of files and times of orders are off"),
        "set both by NTP",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_two_seconds_is_a_warning_that_says_which_way() {
        for (ahead, expected) in [
            (-2_000, "✓ clock: agrees with this machine's within 2.0 s"),
            (40, "✓ clock: agrees with this machine's within 0.0 s"),
            (2_100, "! clock: is 2.1 s ahead of this machine's"),
            (-3_600_000, "! clock: is 3600.0 s behind this machine's"),
        ] {
            assert!(finding("clock", ahead).to_string().starts_with(expected), "{ahead}");
        }
    }
}
