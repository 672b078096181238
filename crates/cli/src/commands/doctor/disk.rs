//! The disk under the store of `up`.

use terminal::output::size;

use super::finding::Finding;
use super::site::Site;

const GIB: u64 = 1 << 30;
/// Below this nats-server soon stops taking messages.
const FREE_MIN: u64 = GIB;
const FREE_LOW: u64 = 5 * GIB;

pub(super) fn look(site: &Site) -> Vec<Finding> {
    let Some(dir) = &site.data else { return Vec::new() };
    let root = dir.root();
    let what = format!("disk of {}", root.display());
    vec![match rustix::fs::statvfs(root) {
        Ok(disk) => space(&what, disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize),
        Err(error) => Finding::bad(what, error.to_string(), "see whether the folder is there"),
    }]
}

fn space(what: &str, free: u64, all: u64) -> Finding {
    let text = format!("{} free of {}", size(free), size(all));
    let todo =
        "make room: without it no message is taken, and partners' files stay in their inboxes";
    match free {
        free if free < FREE_MIN => Finding::bad(what, text, todo),
        free if free < FREE_LOW => Finding::warning(what, text, todo),
        _ => Finding::good(what, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_gets_full_is_said_in_time() {
        for (free, expected) in [
            (58 * GIB + GIB / 10, "✓ d: 58.0 GiB free of 100.0 GiB"),
            (5 * GIB - 1, "! d: 4.9 GiB free of 100.0 GiB → make room"),
            (512 << 20, "✗ d: 512.0 MiB free of 100.0 GiB → make room"),
            (0, "✗ d: 0.0 KiB free"),
        ] {
            let finding = space("d", free, 100 * GIB).to_string();
            assert!(finding.starts_with(expected), "{finding}");
        }
    }
}
