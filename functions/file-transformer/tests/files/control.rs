//! What a partner says its file holds.

use crate::support::{US3_HEADER, World, us3};
use intake::ledger::{Outcome, Record, State};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// US3 with a trailer, a checksum and a manifest.
async fn world(side_files: &str) -> World {
    let from =
        "    stock: enforce             # available stock never falls below zero\n    file:\n";
    let to = format!(
        "    inbox: {{checksum: .sha256, manifest: .json, side-files: {side_files}}}\n    file:\n      \
         trailer: {{marker: T, rows: 2, quantity: 3, total: 4, required: {}}}\n",
        side_files == "required"
    );
    World::with(from, &to).await
}

fn content(trailer: &str) -> Vec<u8> {
    // One row of three is rejected, and counts all the same.
    let rows = us3("1", 2) + &us3("2", 3).replace("c1", "") + &us3("3", -1).replace("P001", "P002");
    (US3_HEADER.to_owned() + &rows + trailer).into_bytes()
}

const TRAILER: &str = "T,3,4,6.00\n";

fn checksum(content: &[u8], name: &str) -> String {
    let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}  {name}\n")
}

fn reason(record: &Record) -> &str {
    let Some(Outcome::Refused { reason }) = &record.outcome else { panic!("{record:?}") };
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_what_is_said_is_done_and_its_side_files_go_with_it() {
    let world = world("required").await;
    let content = content(TRAILER);
    let sum = checksum(&content, "a.csv");
    world.write("US3", "inbox/a.csv.sha256", sum.as_bytes());
    let manifest = br#"{"name": "a.csv", "rows": 3, "quantity": "4", "total": 6.0, "by": "x"}"#;
    world.write("US3", "inbox/a.csv.json", manifest);
    let event = world.put("US3", "a.csv", &content);
    let record = world.done(&event).await;
    assert_eq!((record.state, record.counts.rows, record.counts.orders), (State::Done, 3, 2));
    let original = record.results.original.as_ref().unwrap();
    let files = world.files("US3");
    assert!(!files.keys().any(|name| name.starts_with("inbox/")), "{files:?}");
    assert_eq!(files[&format!("{original}.sha256")], sum.as_bytes());
    assert_eq!(files[&format!("{original}.json")], manifest);
    let receipt = world.receipt("US3", &record);
    let control = receipt["control"].as_array().unwrap();
    assert_eq!(control.len(), 7);
    assert!(control.iter().all(|compared| compared["agrees"] == true), "{control:?}");
    let table = world.text("US3", record.results.receipt_csv.as_ref());
    assert!(table.contains("\ntrailer total,6.00,agrees\n"), "{table}");
    // The event again, with everything moved.
    assert_eq!(world.done(&event).await, record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_is_refused_with_both_figures() {
    let world = world("optional").await;
    for (n, (trailer, side, text, expected)) in [
        ("T,4,4,6.00\n", "", "", "the trailer says rows 4, the file has 3"),
        (
            "\"T\",3,5,6.01\n",
            "",
            "",
            "the trailer says quantity 5, the file has 4; \
            the trailer says total 6.01, the file has 6.00",
        ),
        ("T,3,x,6.00\n", "", "", "the trailer says quantity \"x\", which is no number"),
        ("T,3\n", "", "", "the trailer has no field 3 for quantity"),
        (
            &format!("{TRAILER}{}", us3("9", 1)),
            "",
            "",
            "line 5 is the trailer, but other lines follow",
        ),
        (TRAILER, ".sha256", &checksum(b"other", "a0.csv"), "the checksum says sha256 "),
        (TRAILER, ".sha256", &checksum(b"other", "b.csv"), "a5.csv.sha256 does not name a5.csv"),
        (TRAILER, ".sha256", "", "a.csv.sha256 cannot be read: it is empty"),
        (
            TRAILER,
            ".sha256",
            "no digest",
            "a.csv.sha256 cannot be read: it has no SHA-256 as sha256sum writes it",
        ),
        (TRAILER, ".json", r#"{"rows": 2}"#, "the manifest says rows 2, the file has 3"),
        (
            TRAILER,
            ".json",
            "name,rows\nb.csv,1\na.csv,2\n",
            "the manifest says rows 2, the file has 3",
        ),
        (TRAILER, ".json", "[{\"name\": \"b.csv\"}]", "a.csv.json does not name a.csv"),
        (
            TRAILER,
            ".json",
            "{}",
            "a.csv.json cannot be read: it has none of rows quantity total sha256",
        ),
        (TRAILER, ".json", "{", "a.csv.json cannot be read: EOF while parsing"),
        (TRAILER, ".json", &" ".repeat(70_000), "a.csv.json is larger than 65536 bytes"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("a{n}.csv");
        let text = text.replace("a0.csv", &name).replace("a.csv", &name);
        if !side.is_empty() {
            world.write("US3", &format!("inbox/{name}{side}"), text.as_bytes());
        }
        let record = world.done(&world.put("US3", &name, &content(trailer))).await;
        let expected = expected.replace("a5.csv", &name).replace("a.csv", &name);
        assert!(reason(&record).starts_with(&expected), "{}, not {expected}", reason(&record));
        let original = record.results.original.as_ref().unwrap();
        assert!(original.starts_with("quarantine/"), "{original}");
        if !side.is_empty() {
            assert_eq!(world.files("US3")[&format!("{original}{side}")], text.as_bytes());
        }
        assert_eq!(world.receipt("US3", &record)["reason"], json!(reason(&record)));
    }
    assert!(world.orders().await.is_empty());
    assert!(!world.names("US3").iter().any(|name| name.starts_with("inbox/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_refuses_a_file_only_where_it_is_required() {
    let strict = world("required").await;
    let record = strict.done(&strict.put("US3", "a.csv", &content(""))).await;
    assert_eq!(reason(&record), "the trailer is missing");
    let record = strict.done(&strict.put("US3", "b.csv", &content(TRAILER))).await;
    assert_eq!(reason(&record), "the checksum is missing");
    let lenient = world("optional").await;
    let record = lenient.done(&lenient.put("US3", "a.csv", &content(""))).await;
    assert_eq!(record.state, State::Done);
    assert!(lenient.receipt("US3", &record).get("control").is_none());
}
