//! Names that partners' programs create, and entries that are not files.

use crate::support::{World, check, old_file, summary};
use std::os::unix::ffi::OsStrExt as _;

/// Names of files that are never taken.
const BAD: [&[u8]; 11] = [
    b"..\\..\\x.csv",
    b"...",
    b"a\tb.csv",
    b"a\x1b[2J.csv",
    b"a\x7f.csv",
    b"\xff\xfe.csv",
    b"~.csv",
    b"a.csv.InProgress",
    b"a.csv.partial",
    b"a.csv.temp",
    b"a.csv.uploading",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_name_allowed_by_the_file_system_arrives_or_is_refused_with_a_reason() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    let inbox = world.inbox("US1");
    let long = format!("{}.csv", "é".repeat(125) + "x");
    assert_eq!(long.len(), 255);
    // The last two pairs differ only in case, and in how an accent is encoded.
    let good = [
        "-rf.csv",
        "a  b .csv",
        "a\\b.csv",
        "$(id).csv",
        "x\"'.csv",
        "*.csv",
        "%2e%2e.csv",
        "Orders.csv",
        "orders.csv",
        "caf\u{e9}.csv",
        "cafe\u{301}.csv",
        &long,
    ];
    for name in good {
        old_file(inbox.join(name), "x");
    }
    for (name, target) in [
        ("out.csv", "/etc/passwd"),
        ("no.csv", "nowhere"),
        ("loop.csv", "loop.csv"),
        ("up.csv", ".."),
    ] {
        std::os::unix::fs::symlink(target, inbox.join(name)).unwrap();
    }
    let made = std::process::Command::new("mkfifo").arg(inbox.join("pipe.csv")).status().unwrap();
    assert!(made.success());
    std::fs::create_dir(inbox.join("folder.csv")).unwrap();
    for name in BAD {
        old_file(inbox.join(std::ffi::OsStr::from_bytes(name)), "x");
    }
    let mut expected: Vec<String> = good.iter().map(|name| format!("US1 {name} new")).collect();
    expected.sort();
    let lines = summary(&check(function).await);
    let (found, skipped) = lines.split_at(good.len());
    assert_eq!(found, expected);
    assert_eq!(
        skipped,
        [
            "US1 ...: the name begins with a dot",
            "US1 ..\\..\\x.csv: the name begins with a dot",
            "US1 a\tb.csv: the name contains a control character",
            "US1 a\u{1b}[2J.csv: the name contains a control character",
            "US1 a.csv.InProgress: ends with .inprogress: still being written",
            "US1 a.csv.partial: ends with .partial: still being written",
            "US1 a.csv.temp: ends with .temp: still being written",
            "US1 a.csv.uploading: ends with .uploading: still being written",
            "US1 a\u{7f}.csv: the name contains a control character",
            "US1 folder.csv: is a folder",
            "US1 loop.csv: is a symbolic link",
            "US1 no.csv: is a symbolic link",
            "US1 out.csv: is a symbolic link",
            "US1 pipe.csv: is not a regular file",
            "US1 up.csv: is a symbolic link",
            "US1 ~.csv: begins with ~: still being written",
            "US1 \u{fffd}\u{fffd}.csv: the name is not UTF-8",
        ]
    );
    let arrivals: std::collections::BTreeSet<String> =
        world.events().await.iter().map(|event| event["data"]["arrival"].to_string()).collect();
    assert_eq!(arrivals.len(), good.len(), "each is a file of its own");
}
