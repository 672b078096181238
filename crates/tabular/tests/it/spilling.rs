//! Rows that are compared with each other and do not fit into memory.

use crate::support::{Disk, HEADER, plain};
use std::fmt::Write as _;
use std::sync::Arc;
use tabular::{FileError, Part, Summary, Transform};

/// Orders of three rows; each order occurs twice, the second time 40 orders later.
fn file() -> String {
    let mut file = HEADER.to_owned();
    for n in 0..240 {
        let order = n - 40 * (n / 40 % 2);
        for row in 0..3 {
            writeln!(file, "A{order},P{row},1,2,2026-11-22 10:00:00,c1,x").unwrap();
        }
    }
    file
}

fn read(mut transform: Transform, file: &str) -> Result<(Vec<Part>, Summary), FileError> {
    let mut parts = transform.push(file.as_bytes())?;
    let (last, summary) = transform.finish()?;
    parts.extend(last);
    Ok((parts, summary))
}

#[test]
fn spilling_to_disk_changes_nothing_and_is_not_used_if_memory_suffices() {
    let mut setting = plain();
    let whole = setting.read(file().as_bytes(), usize::MAX).unwrap();
    assert_eq!(whole.1.rejected_by_rule.get("duplicate"), Some(&360));
    for (seen_bytes_max, workers, spills) in
        [(0, 2, true), (1, 1, true), (10_000, 7, true), (96 << 20, 2, false)]
    {
        setting.limits.seen_bytes_max = seen_bytes_max;
        setting.limits.workers = workers;
        setting.limits.block_bytes = 1 << 10;
        let disk = Arc::<Disk>::default();
        let transform =
            Transform::new(&setting.format, &setting.rules, setting.zone, setting.limits).unwrap();
        let (parts, summary) = read(transform.with_scratch(disk.clone()), &file()).unwrap();
        let lines = parts.iter().flat_map(|part| part.batch.line.clone()).collect::<Vec<_>>();
        let rejects = parts.into_iter().flat_map(|part| part.rejects).collect::<Vec<_>>();
        assert_eq!(
            (lines, rejects, summary),
            (whole.0.batch.line.clone(), whole.0.rejects.clone(), whole.1.clone())
        );
        assert_eq!(disk.len() > 0, spills, "{seen_bytes_max}");
    }
}

#[test]
fn a_full_disk_is_not_a_fault_of_the_file() {
    let mut setting = plain();
    setting.limits.seen_bytes_max = 0;
    let transform =
        || Transform::new(&setting.format, &setting.rules, setting.zone, setting.limits).unwrap();
    let error = read(transform().with_scratch(Arc::new(Disk::of(2_000))), &file()).unwrap_err();
    assert!(matches!(error, FileError::Scratch { .. }), "{error}");
    let error = read(transform(), &file()).unwrap_err();
    assert_eq!(error, FileError::TooManyToCompare { bytes_max: 0 });
    assert_eq!(
        error.to_string(),
        "its rows cannot be compared with each other within 0 bytes of memory"
    );
}
