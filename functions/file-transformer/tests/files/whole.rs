//! What becomes of a file as a whole: duplicates, refusals, policies, files that change.

use crate::support::{US3_HEADER, World, arrived, eventually, us3};
use intake::ledger::{Outcome, State};
use messaging::streams;
use serde_json::json;

fn three_orders() -> Vec<u8> {
    (US3_HEADER.to_owned() + &us3("1", 1) + &us3("2", 2) + &us3("3", 3)).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_not_processed_twice_and_other_content_is() {
    let world = World::start().await;
    let first = world.put("US3", "a.csv", &three_orders());
    let record = world.done(&first).await;
    let orders = world.orders().await;
    assert_eq!(orders.len(), 3);
    let before = world.files("US3");

    // The event again: nothing happens.
    assert_eq!(world.done(&first).await, record);
    assert_eq!(world.files("US3"), before);

    // The same content under other names.
    for name in ["b.csv", "a.txt"] {
        let event = world.put("US3", name, &three_orders());
        let duplicate = world.done(&event).await;
        assert_eq!(duplicate.state, State::Duplicate);
        assert_eq!(duplicate.outcome, Some(Outcome::Duplicate { of: record.arrival.clone() }));
        let results = &duplicate.results;
        assert_eq!((&results.output, &results.rejects), (&None, &None));
        assert_eq!(world.receipt("US3", &duplicate)["of"], record.arrival.as_str());
    }
    assert_eq!(world.orders().await, orders);
    assert_eq!(world.names("US3").len(), before.len() + 6);
    for (name, content) in &before {
        assert_eq!(world.files("US3").get(name), Some(content), "{name}");
    }

    // The same name with new content; another partner with the same content.
    let content = [&three_orders()[..], us3("4", 4).as_bytes()].concat();
    let event = world.put("US3", "a.csv", &content);
    assert_eq!(world.done(&event).await.state, State::Done);
    assert_eq!(world.orders().await.len(), 3 + 4);
    let told = world.told().await;
    assert_eq!(told.iter().filter(|subject| subject.starts_with("files.transformed.")).count(), 2);
    assert_eq!(told.iter().filter(|subject| subject.starts_with("files.failed.")).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_unreadable_as_a_whole_goes_to_quarantine_with_a_receipt() {
    let world = World::start().await;
    let wrong = US3_HEADER.replace("price", "cost") + &us3("1", 1);
    let binary = vec![0xff; 3_000];
    for (name, content, reason) in [
        ("wrong.csv", wrong.as_bytes(), "price"),
        ("empty.csv", b"", "empty"),
        ("blank.csv", b"\n\n", ""),
        ("binary.csv", &binary, ""),
    ] {
        let event = world.put("US3", name, content);
        let record = world.done(&event).await;
        assert_eq!(record.state, State::Refused, "{name}");
        let receipt = world.receipt("US3", &record);
        let text = receipt["reason"].as_str().unwrap();
        assert!(text.contains(reason), "{name}: {text}");
        assert_eq!(
            (&receipt["decision"], &receipt["orders"]["placed"]),
            (&json!("refused"), &json!(0))
        );
        let original = record.results.original.unwrap();
        assert!(original.starts_with("quarantine/"), "{original}");
        assert_eq!(world.files("US3")[&original], content);
        assert_eq!(record.results.output, None);
    }
    assert!(world.orders().await.is_empty());
    assert_eq!(world.messages(streams::FILES, "files.failed.>").await.len(), 4);
    assert!(!world.names("US3").iter().any(|name| name.starts_with("inbox/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_header_only_holds_no_orders() {
    let world = World::start().await;
    let event = world.put("US3", "none.csv", US3_HEADER.as_bytes());
    let record = world.done(&event).await;
    let receipt = world.receipt("US3", &record);
    assert_eq!(
        (receipt["rows"].as_u64(), receipt["orders"]["placed"].as_u64()),
        (Some(0), Some(0))
    );
    assert!(world.orders().await.is_empty());
    assert!(matches!(record.state, State::Done | State::Refused), "{record:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_may_refuse_files_with_bad_rows() {
    let bad = us3("4", 0);
    let one_of_four = [&three_orders()[..], bad.as_bytes()].concat();
    for (rules, expected) in [
        ("policy: reject-file", Some("1 of 4 rows are bad, and one refuses the whole file")),
        ("error-budget-percent: 20", Some("1 of 4 rows are bad: 25.00 %, the limit is 20 %")),
        ("error-budget-percent: 25", None),
    ] {
        let currency = "    currency: USD\n";
        let world = World::with(currency, &format!("{currency}    rules: {{{rules}}}\n")).await;
        let event = world.put("US3", "a.csv", &one_of_four);
        let record = world.done(&event).await;
        let rejects = world.text("US3", record.results.rejects.as_ref());
        assert!(
            rejects.lines().nth(1).unwrap().starts_with("5,quantity,zero_quantity,"),
            "{rejects}"
        );
        match expected {
            Some(reason) => {
                assert_eq!(record.outcome, Some(Outcome::Refused { reason: reason.into() }));
                assert!(world.orders().await.is_empty());
                // Mended, it is another file.
                let event = world.put("US3", "a.csv", &three_orders());
                assert_eq!(world.done(&event).await.state, State::Done);
            }
            None => assert_eq!(record.state, State::Done),
        }
        assert_eq!(world.orders().await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_replaced_or_taken_away_while_it_waited_is_given_up() {
    let world = World::start().await;
    let event = world.put("US3", "a.csv", &three_orders());
    let new = [&three_orders()[..], us3("4", 4).as_bytes()].concat();
    let next = world.put("US3", "a.csv", &new);
    let record = world.done(&event).await;
    assert_eq!(record.state, State::Refused);
    assert_eq!(world.names("US3"), ["inbox/a.csv"]);
    assert!(world.orders().await.is_empty());
    assert_eq!(world.done(&next).await.state, State::Done);
    assert_eq!(world.orders().await.len(), 4);
    let never = arrived("US3", "gone.csv", 10);
    assert_eq!(world.done(&never).await.state, State::Refused);
    assert_eq!(world.messages(streams::FILES, "files.failed.>").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_arrival_is_refused_and_one_of_an_unknown_partner_comes_again() {
    let world = World::start().await;
    let mut nothing = arrived("US3", "a.csv", 1);
    nothing.as_object_mut().unwrap().remove("data");
    let failed = world.call(&[arrived("US9", "a.csv", 1), nothing]).await;
    assert_eq!(
        failed,
        [
            "(again) partner US9 has no sftp or file section in this configuration",
            "the event has no data"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_server_that_is_down_costs_no_attempt_and_the_file_is_done_later() {
    let world = World::start().await;
    let event = world.put("US3", "a.csv", &three_orders());
    world.sshd.kill();
    let failed = world.call(std::slice::from_ref(&event)).await;
    assert!(failed[0].starts_with("(wait) cannot reach 127.0.0.1:"), "{failed:?}");
    world.sshd.restart();
    eventually(async || world.call(std::slice::from_ref(&event)).await.is_empty().then_some(()))
        .await;
    assert_eq!(world.record(&event).await.state, State::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_that_is_away_costs_no_attempt_and_loses_nothing() {
    let world = World::start().await;
    let event = world.put("US3", "a.csv", &three_orders());
    world.nats.kill();
    let failed = world.call(std::slice::from_ref(&event)).await;
    assert!(failed[0].starts_with("(wait) "), "{failed:?}");
    world.nats.restart();
    eventually(async || world.call(std::slice::from_ref(&event)).await.is_empty().then_some(()))
        .await;
    assert_eq!(world.orders().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_too_large_is_a_matter_of_the_file_and_not_of_the_orders() {
    let world = World::start().await;
    // Short as a text, long as JSON.
    let quotes = "\"\"".repeat(500);
    let header = "order_id,product_id,quantity,price,timestamp,customer,region,category\n";
    let mut content = header.to_owned();
    for product in 0..300 {
        content += &format!("1,P{product},1,1,2026-01-01 09:00:00,c1,east,\"{quotes}\"\n");
    }
    content += &us3("2", 1);
    let event = world.put("US3", "a.csv", content.as_bytes());
    let record = world.done(&event).await;
    assert_eq!((record.counts.rejected, record.counts.orders), (300, 1));
    assert_eq!(world.receipt("US3", &record)["rejected_by_rule"], json!({"order_too_large": 300}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_file_is_read_as_what_it_holds() {
    let world = World::start().await;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, &three_orders()).unwrap();
    let packed = packer.finish().unwrap();
    let record = world.done(&world.put("US3", "a.csv.gz", &packed)).await;
    assert_eq!((record.state, record.counts.orders), (State::Done, 3));
    assert_eq!(world.orders().await.len(), 3);
    let original = record.results.original.as_ref().unwrap();
    assert!(original.ends_with(".gz"), "{original}");
    assert_eq!(world.files("US3")[original], packed, "the original is kept as it came");

    let cut = &packed[..packed.len() - 3];
    let record = world.done(&world.put("US3", "b.csv.gz", cut)).await;
    let Some(Outcome::Refused { reason }) = record.outcome else { panic!("{:?}", record.outcome) };
    assert!(reason.starts_with("the gzip file is broken behind "), "{reason}");
    assert!(record.results.original.unwrap().starts_with("quarantine/"));
    assert_eq!(world.orders().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_archive_with_one_file_is_read_as_that_file() {
    let world = World::start().await;
    let packed = |names: &[&str]| {
        let python = "import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
    for name in sys.argv[2:]: z.writestr(name, sys.argv[1])
sys.stdout.buffer.write(out.getvalue())
";
        let content = String::from_utf8(three_orders()).unwrap();
        let output = std::process::Command::new("python3")
            .args(["-c", python, &content])
            .args(names)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let one = packed(&["day.csv"]);
    let record = world.done(&world.put("US3", "a.zip", &one)).await;
    assert_eq!((record.state, record.counts.orders), (State::Done, 3));
    assert_eq!(world.files("US3")[record.results.original.as_ref().unwrap()], one);
    let record = world.done(&world.put("US3", "b.zip", &packed(&["1.csv", "2.csv"]))).await;
    let Some(Outcome::Refused { reason }) = record.outcome else { panic!("{:?}", record.outcome) };
    assert_eq!(
        reason,
        "the zip file cannot be taken: it contains 2 files, but only one is allowed: \"1.csv\", \"2.csv\""
    );
    assert_eq!(world.orders().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_and_long_names_are_done_like_others() {
    let world = World::start().await;
    let long = format!("{}.csv", "é".repeat(125) + "x");
    let ending = format!("a.{}", "b".repeat(253));
    let names = [
        "-rf.csv",
        "a  b .csv",
        "A.csv",
        "a.csv",
        "caf\u{e9}.csv",
        "cafe\u{301}.csv",
        "a",
        &long,
        &ending,
    ];
    for (number, name) in names.iter().enumerate() {
        let content = US3_HEADER.to_owned() + &us3(&number.to_string(), 1);
        let record = world.done(&world.put("US3", name, content.as_bytes())).await;
        assert_eq!(
            (record.state, world.receipt("US3", &record)["file"].as_str()),
            (State::Done, Some(*name))
        );
    }
    assert_eq!(world.orders().await.len(), names.len());
    assert_eq!(world.names("US3").len(), 4 * names.len());
}
