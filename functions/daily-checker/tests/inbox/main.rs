//! Checks of real inboxes on a real SFTP server, with a real nats-server.
#![cfg(test)]

mod again;
mod crowd;
mod grown;
mod names;
mod overdue;
mod support;

use serde_json::json;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::{Partner, World, check, old_file, request, summary};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_once_and_again_only_with_other_content() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    old_file(world.inbox("US1").join("orders.csv"), "one");
    let body = check(function).await;
    assert_eq!(summary(&body), ["US1 orders.csv new"]);
    assert_eq!((&body["found"], &body["skipped"]), (&json!(1), &json!(0)));
    assert_eq!(body["order_date"].as_str().unwrap().len(), "2024-02-03".len());
    assert_eq!(body.get("cached"), None);
    assert_eq!(body["without_folder"], json!(["LATER"]), "it is configured, and has no sftp");
    let found = &body["partners"][0]["found"][0];
    assert_eq!(found["size"], 3);

    assert_eq!(summary(&check(function).await), ["US1 orders.csv known"]);
    old_file(world.inbox("US1").join("orders.csv"), "other");
    assert_eq!(summary(&check(function).await), ["US1 orders.csv new"]);

    let events = world.events().await;
    assert_eq!(events.len(), 2);
    let (event, arrival) = (&events[0], &found["arrival"]);
    assert_eq!(event["type"], "orderflow.file.arrived.v1");
    assert_eq!(event["source"], "/functions/daily-checker");
    let subject = format!("files.arrived.US1.{}", arrival.as_str().unwrap());
    assert_eq!((&event["id"], &event["subject"]), (arrival, &json!(subject)));
    let data = json!({"partner": "US1", "name": "orders.csv", "size": 3,
        "mtime": event["data"]["mtime"], "arrival": arrival});
    assert_eq!((&event["data"], &event["partner"]), (&data, &json!("US1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_still_grows_is_not_taken() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    let path = world.inbox("US1").join("orders.csv");
    let mut file = std::fs::File::create(&path).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let stop = stop.clone();
        move || {
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"a line\n").unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    assert_eq!(summary(&check(function).await), ["US1 orders.csv: is still changing"]);
    assert!(world.events().await.is_empty());
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert_eq!(summary(&check(function).await), ["US1 orders.csv new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_file_is_waited_for() {
    let world = World::start(&["US1"]).await;
    let partner = Partner { inbox: "{min-age-seconds: 4}", ..world.partner("US1") };
    let function = world.serve(&[partner]).await;
    std::fs::write(world.inbox("US1").join("orders.csv"), "one").unwrap();
    assert_eq!(summary(&check(function).await), ["US1 orders.csv new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_files_are_skipped_with_a_reason() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    let inbox = world.inbox("US1");
    for name in [".orders.csv.1.part", "a.csv.filepart", "b.TMP", "good name ü.csv", "new\nline"] {
        old_file(inbox.join(name), "x");
    }
    old_file(inbox.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "x");
    std::fs::create_dir(inbox.join("folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", inbox.join("link.csv")).unwrap();
    assert_eq!(
        summary(&check(function).await),
        [
            "US1 good name ü.csv new",
            "US1 .orders.csv.1.part: the name begins with a dot",
            "US1 a.csv.filepart: ends with .filepart: still being written",
            "US1 b.TMP: ends with .tmp: still being written",
            "US1 folder: is a folder",
            "US1 link.csv: is a symbolic link",
            "US1 new\nline: the name contains a control character",
            "US1 caf\u{fffd}: the name is not UTF-8",
        ]
    );
    assert_eq!(world.events().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_waits_for_its_checksum_which_is_not_taken_as_a_file() {
    let world = World::start(&["US1"]).await;
    let partner = Partner { inbox: "{checksum: .sha256}", ..world.partner("US1") };
    let function = world.serve(&[partner]).await;
    let inbox = world.inbox("US1");
    old_file(inbox.join("orders.csv"), "one");
    let waiting = ["US1 orders.csv: waits for orders.csv.sha256"];
    assert_eq!(summary(&check(function).await), waiting);
    old_file(inbox.join("orders.csv.sha256"), "00");
    old_file(inbox.join("other.csv.sha256"), "00");
    assert_eq!(
        summary(&check(function).await),
        ["US1 orders.csv new", "US1 other.csv.sha256: is a checksum or manifest without its file"]
    );
    assert_eq!(world.events().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_fails_does_not_stop_the_others() {
    let world = World::start(&["US1", "US2", "US3", "US4"]).await;
    let other = testkit::sshd::Server::start(&["US3"]);
    // Nothing listens on this port of the loopback address.
    let nobody = 1;
    let good = world.partner("US1");
    let bad = [
        Partner { host_key: other.host_key(), ..world.partner("US2") },
        Partner { key: other.private_key("US3"), ..world.partner("US3") },
        Partner { port: nobody, ..world.partner("US4") },
    ];
    old_file(world.inbox("US1").join("orders.csv"), "one");
    let function = world.serve(&[&[good][..], &bad].concat()).await;
    let lines = summary(&check(function).await);
    assert_eq!(lines[0], "US1 orders.csv new");
    assert!(
        lines[1].starts_with("US2: 127.0.0.1:") && lines[1].contains("has the host key SHA256:")
    );
    assert!(lines[2].starts_with("US3: 127.0.0.1:") && lines[2].contains("refuses the login of"));
    assert!(lines[3].starts_with("US4: cannot reach 127.0.0.1:"), "{lines:?}");

    let function = world.serve(&bad).await;
    let (status, body) = request(function, "GET /", Some(support::READ)).await;
    assert_eq!((status, &body["detail"]), (502, &json!("no partner could be checked")));
    assert_eq!(summary(&body).len(), 3);
    let (status, body) = request(function, "GET /", None).await;
    assert_eq!((status, body.get("partners")), (502, None), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_checkers_at_once_claim_a_file_once() {
    let world = World::start(&["US1"]).await;
    let partner = [world.partner("US1")];
    let functions = [world.serve(&partner).await, world.serve(&partner).await];
    for number in 0..20 {
        old_file(world.inbox("US1").join(format!("{number}.csv")), "one");
    }
    let (one, two) = tokio::join!(check(functions[0]), check(functions[1]));
    let lines = [summary(&one), summary(&two)].concat();
    assert_eq!(lines.len(), 40);
    assert_eq!(lines.iter().filter(|line| line.ends_with(" new")).count(), 20);
    assert_eq!(world.events().await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_a_check_runs_at_most_every_ten_seconds() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    let (status, body) = request(function, "POST /", None).await;
    assert_eq!((status, body.get("cached")), (200, None));
    old_file(world.inbox("US1").join("orders.csv"), "one");
    let (_, body) = request(function, "GET /", None).await;
    assert_eq!((&body["cached"], &body["found"]), (&json!(true), &json!(0)));
    let (_, body) = request(function, "GET /", Some("wrong")).await;
    assert_eq!(body["cached"], true);
    for token in [None, Some("wrong")] {
        assert_eq!(request(function, "GET /?force", token).await.0, 401);
    }
    let (_, body) = request(function, "GET /?force", Some(support::ADMIN)).await;
    assert_eq!((body.get("cached"), &body["found"]), (None, &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_without_a_token_see_no_partners_and_no_names() {
    let world = World::start(&["US1", "US2"]).await;
    let bad = Partner { port: 1, ..world.partner("US2") };
    let function = world.serve(&[world.partner("US1"), bad]).await;
    old_file(world.inbox("US1").join("secret.csv"), "one");
    old_file(world.inbox("US1").join("secret.tmp"), "one");
    for token in [None, Some("wrong")] {
        let (status, body) = request(function, "POST /", token).await;
        let text = body.to_string();
        assert!(
            !text.contains("US1") && !text.contains("US2") && !text.contains("secret"),
            "{text}"
        );
        assert_eq!((status, &body["found"], &body["skipped"]), (200, &json!(1), &json!(1)));
        assert_eq!(body["failed"], 1);
    }
    // The same check, for a caller with a token.
    let (_, body) = request(function, "GET /", Some(support::READ)).await;
    assert_eq!((&body["cached"], &body["failed"]), (&json!(true), &json!(1)));
    let lines = summary(&body);
    assert_eq!(lines[0], "US1 secret.csv new");
    assert!(lines[2].starts_with("US2: "), "{lines:?}");
    assert_eq!(request(function, "GET /?force", Some(support::READ)).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_could_not_be_published_is_found_by_a_later_check() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    old_file(world.inbox("US1").join("orders.csv"), "one");
    world.nats.kill();
    let (status, body) = request(function, "POST /", Some(support::ADMIN)).await;
    assert_eq!(status, 502, "{body}");
    let lines = summary(&body);
    assert!(lines[0].starts_with("US1 orders.csv: "), "{lines:?}");
    world.nats.restart();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (status, body) = request(function, "POST /", Some(support::ADMIN)).await;
        if status == 200 {
            // The first attempt may have succeeded when the server came back.
            let lines = summary(&body);
            assert!(lines[0].starts_with("US1 orders.csv "), "{lines:?}");
            break;
        }
        assert!(Instant::now() < deadline, "{body}");
    }
    assert_eq!(world.events().await.len(), 1);
}

#[tokio::test]
async fn all_problems_with_the_settings_are_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "partners:\n  US1: {currency: euro}\n  U 2: {currency: EUR}\n")
        .unwrap();
    let pairs = [("ORDERFLOW_PARTNERS", file.path()), ("ORDERFLOW_SECRETS_DIR", "/none".as_ref())];
    let error = daily_checker::build(&mut runtime::Env::from_pairs(pairs)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ORDERFLOW_NATS_URL: not set\n\
         partners.US1.currency: is \"euro\", not three capitals as in ISO 4217\n\
         partners.U 2: as a name, contains ' '; allowed are A-Z a-z 0-9 _ -\n\
         secret api-token-admin: no such file in /none"
    );
}
