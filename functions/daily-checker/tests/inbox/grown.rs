//! Uploads that continue after their file was taken.

use crate::support::{World, check, old_file, summary};
use domain::PartnerId;
use intake::ledger::{Counts, Record, State};
use messaging::kv::Bucket;
use messaging::streams;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Creates what file-transformer leaves for a processed file: its record, the original, and a receipt.
async fn done(world: &World, name: &str, original: &str, content: &str, state: State) -> Record {
    let root = world.sshd.root("US1");
    let path = root.join(original);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    old_file(path.clone(), content);
    let mtime = path.metadata().unwrap().modified().unwrap();
    let mtime = mtime.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let us1 = PartnerId::parse("US1").unwrap();
    let (size, now) = (content.len().try_into().unwrap(), std::time::SystemTime::now().into());
    let mut record = Record::new(format!("arrival-{name}"), us1, name.into(), size, mtime, now);
    record.state = state;
    record.counts = Counts { rows: 1, ..Counts::default() };
    record.sha256 = Some(sha256(content));
    record.results.original = Some(original.to_owned());
    record.results.receipt = Some(format!("depot/{name}.receipt.json"));
    std::fs::write(root.join(format!("depot/{name}.receipt.json")), "{\n  \"rows\": 1\n}").unwrap();
    let bucket = Bucket::<Record>::open(&world.client, streams::FILES_LEDGER).await.unwrap();
    let key = format!("US1.arrival-{}", name.replace('.', "=2E"));
    bucket.create(&key, &record).await.unwrap().unwrap();
    record
}

fn sha256(content: &str) -> String {
    use std::process::Stdio;
    let mut command = std::process::Command::new("sha256sum");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    said.chars().take(64).collect()
}

/// Appends to a file and sets its modification time to a minute ago.
fn append(path: &Path, rest: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    old_file(path.to_owned(), &(text + rest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_after_it_was_taken_arrives_again_and_its_receipt_says_so() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    let root = world.sshd.root("US1");
    let files = [
        ("grew.csv", "archive/2026-01-02/grew.0.csv", "half", State::Done),
        ("empty.csv", "quarantine/empty.0.csv", "", State::Refused),
        ("again.csv", "archive/2026-01-02/again.0.csv", "same", State::Duplicate),
        ("shrank.csv", "archive/2026-01-02/shrank.0.csv", "a lot", State::Done),
        ("same.csv", "archive/2026-01-02/same.0.csv", "as it was", State::Done),
        ("touched.csv", "archive/2026-01-02/touched.0.csv", "as it was", State::Done),
        ("gone.csv", "archive/2026-01-02/gone.0.csv", "taken away", State::Done),
    ];
    for (name, original, content, state) in files {
        done(&world, name, original, content, state).await;
    }
    assert!(summary(&check(function).await).is_empty(), "nothing has changed");

    for (_, original, ..) in &files[..3] {
        append(&root.join(original), " and the rest");
    }
    old_file(root.join(files[3].1), "a");
    std::fs::write(root.join(files[5].1), "as it was").unwrap();
    std::fs::remove_file(root.join(files[6].1)).unwrap();
    // A later file with the name of one of them.
    old_file(root.join("inbox/again.csv"), "another one");
    // Each is compared when twice the time has passed since the last comparison.
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut found = Vec::new();
    while found.len() < 5 {
        assert!(Instant::now() < deadline, "{found:?}");
        found.extend(
            summary(&check(function).await).into_iter().filter(|line| line.ends_with(" new")),
        );
    }
    found.sort();
    assert_eq!(
        found,
        [
            "US1 again.csv new",
            "US1 again~arrival-.csv new",
            "US1 empty.csv new",
            "US1 grew.csv new",
            "US1 shrank.csv new",
        ]
    );
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(text("inbox/grew.csv"), "half and the rest");
    assert_eq!(text("inbox/again.csv"), "another one");
    assert_eq!(text("inbox/again~arrival-.csv"), "same and the rest");
    assert_eq!(text("inbox/empty.csv"), " and the rest");
    assert!(root.join(files[4].1).exists() && root.join(files[5].1).exists());
    let receipt = text("depot/grew.csv.receipt.json");
    let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!((&receipt["rows"], &receipt["changed"]["size"]), (&1.into(), &17.into()));
    assert!(!text("depot/same.csv.receipt.json").contains("changed"));

    // Each of them arrived once.
    assert!(summary(&check(function).await).iter().all(|line| line.ends_with(" known")));
    assert_eq!(world.events().await.len(), 5);
}
