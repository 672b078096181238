use super::*;

fn http(status: u16, by_function: bool, body: &'static str) -> Reply {
    let body = Bytes::from_static(body.as_bytes());
    Reply::Http { status, by_function, retry_after: None, body }
}

/// `attempts` are the earlier attempts of each message; ids are `m0`, `m1`, …; at most 3 attempts.
#[track_caller]
fn check(reply: &Reply, attempts: &[u32], failed_before: bool, expected: &str) {
    let ids: Vec<String> = (0..attempts.len()).map(|i| format!("m{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    check_ids(reply, &ids, attempts, failed_before, true, expected);
}

#[track_caller]
fn check_ids(
    reply: &Reply,
    ids: &[&str],
    attempts: &[u32],
    failed_before: bool,
    only_call: bool,
    expected: &str,
) {
    let members = (1..).zip(ids.iter().zip(attempts));
    let call: Vec<Member<'_>> =
        members.map(|(sequence, (id, &attempts))| Member { id, sequence, attempts }).collect();
    let was_sent = |id: &str, sequence: Option<&str>| {
        let is_it = |one: &Member<'_>| sequence.is_none_or(|s| s == one.sequence.to_string());
        call.iter().any(|one| one.id == id && is_it(one))
    };
    let outcome = outcome(reply, was_sent, only_call);
    let decision = decide(&outcome, &call, failed_before, 3, Jitter::NONE);
    let shown = match decision {
        Decision::Open => "open".to_owned(),
        Decision::Halve => "halve".to_owned(),
        Decision::Again(after) => format!("again {after:?}"),
        Decision::Settle(fates) => {
            let show = |fate: &Fate| match fate {
                Fate::Done => "done".to_owned(),
                Fate::Apart => "apart".to_owned(),
                Fate::Later { after, counts: true } => format!("later {after:?}"),
                Fate::Later { after, counts: false } => format!("wait {after:?}"),
                Fate::Dead { reason } => format!("dead {reason}"),
            };
            fates.iter().map(show).collect::<Vec<_>>().join(", ")
        }
    };
    assert_eq!(shown, expected, "{reply:?}");
}

#[test]
fn an_empty_answer_means_that_all_is_done() {
    for body in ["", " \n", r#"{"failed":[]}"#] {
        for status in [200, 201, 202, 204] {
            check(&http(status, true, body), &[0, 2], false, "done, done");
        }
    }
    // The gateway answers so for an asynchronous call.
    check(&http(202, false, ""), &[0, 2], false, "open");
}

#[test]
fn messages_with_the_same_id_are_distinguished_by_sequence() {
    let ids = ["a", "a", "b", "a"];
    let run = |body, expected| {
        check_ids(&http(200, true, body), &ids, &[0, 0, 0, 2], false, true, expected);
    };
    run(
        r#"{"failed":[{"id":"a","sequence":"2","reason":"bad","retry":false},{"id":"a","sequence":"4","reason":"busy"}]}"#,
        "done, dead bad, done, dead failed 3 times, last: busy",
    );
    // Calling each message alone shows which one it is.
    run(
        r#"{"failed":[{"id":"a","reason":"bad","retry":false},{"id":"b","reason":"bad","retry":false}]}"#,
        "apart, apart, dead bad, apart",
    );
    for sequence in ["3", "9", "x"] {
        let body = format!(r#"{{"failed":[{{"id":"a","sequence":"{sequence}","reason":""}}]}}"#);
        let reply =
            Reply::Http { status: 200, by_function: true, retry_after: None, body: body.into() };
        check_ids(&reply, &ids, &[0; 4], true, true, "halve");
    }
}

#[test]
fn a_message_that_ends_its_function_is_found_and_given_up_and_its_neighbours_are_not() {
    let died = Reply::Died { reason: "reset".into() };
    check(&died, &[0, 0], false, "again 1s");
    check(&died, &[0, 0], true, "halve");
    check(&died, &[0], true, "later 1s");
    let last = "dead failed 3 times, last: the function ended before it answered: reset";
    check(&died, &[2], true, last);
    // With other calls in progress, one of those may be the reason.
    check_ids(&died, &["m0"], &[2], true, false, "wait 4s");
    assert!(died.is_too_much(), "so that there are no others the next time");
}

#[test]
fn each_message_has_its_own_fate() {
    let body = r#"{"failed":[{"id":"m1","reason":"busy","retry":true},{"id":"m2","reason":"bad","retry":false},{"id":"m3","reason":"in work","retry":true,"after":"5s","progress":43}]}"#;
    check(&http(200, true, body), &[0, 0, 0, 0], false, "done, later 1s, dead bad, wait 5s");
    check(
        &http(200, true, body),
        &[0, 2, 2, 99],
        true,
        "done, dead failed 3 times, last: busy, dead bad, wait 5s",
    );
    check(&http(200, true, body), &[0, 1, 0, 0], false, "done, later 2s, dead bad, wait 5s");
}

#[test]
fn what_a_function_asks_for_has_limits() {
    let body = r#"{"failed":[{"id":"m0","reason":"","retry":true,"after":"0s"},{"id":"m1","reason":"","after":"9999m"},{"id":"m2","reason":"","progress":0}]}"#;
    check(&http(200, true, body), &[0, 1, 99], false, "later 100ms, later 3600s, wait 5s");
    check(
        &http(200, true, body),
        &[2, 2, 99],
        false,
        "dead failed 3 times, last: , dead failed 3 times, last: , wait 5s",
    );
}

#[test]
fn an_answer_that_cannot_be_used_is_a_failure() {
    for body in ["ok", "{}", "[]", r#"{"failed":[{"id":"x","reason":"","retry":true}]}"#] {
        check(&http(200, true, body), &[0, 0], false, "again 1s");
        check(&http(200, true, body), &[0, 0], true, "halve");
        check(&http(200, true, body), &[1], false, "later 2s");
    }
    for status in [302, 405, 408, 409] {
        check(&http(status, true, ""), &[0, 0], true, "halve");
    }
    check(&http(202, true, "queued"), &[0, 0], true, "halve");
}

#[test]
fn nothing_is_given_up_when_no_function_answered() {
    let replies = [
        Reply::Late,
        Reply::Unreachable { reason: "refused".into() },
        http(500, false, ""),
        http(502, false, ""),
        http(503, false, ""),
        http(504, false, ""),
        http(200, false, ""),
        http(400, false, ""),
        http(422, false, ""),
        http(302, false, ""),
    ];
    for status in [401, 403, 404, 429] {
        for by_function in [true, false] {
            check(&http(status, by_function, ""), &[99], true, "open");
        }
    }
    for reply in &replies {
        check(reply, &[99], true, "open");
        check(reply, &[0, 99], false, "open");
    }
}

#[test]
fn a_function_that_asks_for_time_with_503_has_not_failed() {
    let (body, retry_after) = (Bytes::new(), Some(Duration::from_secs(2)));
    let later = Reply::Http { status: 503, by_function: true, retry_after, body };
    check(&later, &[99], true, "open");
    check(&later, &[0, 99], false, "open");
}

#[test]
fn a_refusal_is_halved_at_once_and_final_for_one_message() {
    for status in [400, 413, 415, 422] {
        check(&http(status, true, "no\n"), &[0, 0, 0], false, "halve");
        check(&http(status, true, "no\n"), &[0], false, &format!("dead {status} no"));
    }
}

#[test]
fn a_failure_is_tried_again_then_halved_and_counted_alone() {
    for reply in [http(500, true, "oh"), http(503, true, "oh"), http(599, true, "oh")] {
        check(&reply, &[0, 0], false, "again 1s");
        check(&reply, &[0, 0], true, "halve");
        check(&reply, &[0], true, "later 1s");
        check(&reply, &[1], false, "later 2s");
    }
    check(&http(500, true, "oh"), &[2], false, "dead failed 3 times, last: 500 oh");
    let cut = Reply::Unfinished { reason: "cut".into() };
    check(&cut, &[0, 0], true, "halve");
    check(&cut, &[2], false, "dead failed 3 times, last: cut");
}

#[test]
fn a_failure_for_another_reason_says_nothing_about_the_number_of_calls() {
    for status in [429, 502, 503, 504] {
        assert!(http(status, true, "").is_too_much(), "{status}");
    }
    assert!(Reply::Late.is_too_much());
    for status in [200, 400, 404, 413, 422, 500] {
        assert!(!http(status, true, "").is_too_much(), "{status}");
    }
    assert!(!Reply::Unreachable { reason: String::new() }.is_too_much());
}

#[test]
fn an_error_body_is_kept_on_one_line() {
    assert_eq!(said(500, b" a\r\nb\0"), "500 a  b");
    assert_eq!(said(502, b""), "502");
    assert_eq!(said(500, "é".repeat(9_999).as_bytes()).chars().count(), 504);
}
