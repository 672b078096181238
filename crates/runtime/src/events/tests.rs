use std::time::Duration;

use super::*;

fn parse(body: &str) -> Result<Vec<Failed>, String> {
    let was_sent = |id: &str, sequence: Option<&str>| {
        (id == "a" || id == "b") && sequence.is_none_or(|sequence| sequence == "7")
    };
    let answer = Answer::parse(body.as_bytes(), was_sent);
    answer.map(|answer| answer.failed).map_err(|error| error.to_string())
}

#[test]
fn an_answer_without_failures_means_that_all_is_done() {
    for body in ["", "  \n", r#"{"failed":[]}"#] {
        assert_eq!(parse(body), Ok(vec![]), "{body:?}");
    }
}

#[test]
fn an_unclear_answer_is_an_error() {
    for body in ["{}", "[]", "ok", "null", r#"{"failed":[{"id":"a"}]}"#] {
        assert!(parse(body).is_err(), "{body:?}");
    }
    let unknown = parse(r#"{"failed":[{"id":"c","reason":"x"}]}"#);
    assert_eq!(unknown.unwrap_err(), "the answer names the event \"c\", which was not sent");
    let other = parse(r#"{"failed":[{"id":"a","sequence":"8","reason":"x"}]}"#).unwrap_err();
    assert_eq!(
        other,
        "the answer names the event \"a\" with the sequence \"8\", which was not sent"
    );
    assert!(parse(r#"{"failed":[{"id":"a","sequence":"7","reason":"x"}]}"#).is_ok());
}

#[test]
fn delays_are_whole_numbers_with_a_unit() {
    let after = |text: &str| {
        parse(&format!(r#"{{"failed":[{{"id":"a","reason":"x","after":"{text}"}}]}}"#))
            .map(|failed| failed.into_iter().next().unwrap().after.unwrap())
    };
    assert_eq!(after("5s"), Ok(Duration::from_secs(5)));
    assert_eq!(after("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(after("2m"), Ok(Duration::from_secs(120)));
    for bad in ["", "5", "s", "-5s", "1.5s", "5 s", "5d", "99999999999999999999s"] {
        assert!(after(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_failure_survives_the_wire() {
    for after in [None, Some(Duration::from_secs(5)), Some(Duration::from_millis(1500))] {
        let failed = Failed {
            id: "a".into(),
            sequence: Some("7".into()),
            reason: "x".into(),
            retry: false,
            after,
            progress: None,
        };
        let answer = Answer { failed: vec![failed] };
        let text = serde_json::to_vec(&answer).unwrap();
        assert_eq!(Answer::parse(&text, |_, _| true).unwrap(), answer);
    }
}

#[test]
fn a_position_survives_the_wire() {
    let position = Position {
        after: u64::MAX,
        stream: Some("ORDERS".to_owned()),
        stream_identity: Some("a1".to_owned()),
        stream_also: vec!["2026-11-29T10:00:00Z".to_owned(), "b".to_owned()],
        stream_created: None,
        filter: Some("orders.placed.main.>".to_owned()),
        quiet_to: Some(7),
    };
    let mut headers = HeaderMap::new();
    position.write_to(&mut headers).unwrap();
    assert_eq!(Position::from_headers(&headers).unwrap(), Some(position));
    assert_eq!(Position::from_headers(&HeaderMap::new()).unwrap(), None);
}

#[test]
fn an_event_is_kept_as_it_came() {
    let text = r#"{ "id":"a",  "data":{"price":1.10} }"#;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_JSON));
    let batch = Batch::parse(&headers, text.as_bytes()).unwrap();
    assert_eq!(batch.events[0].raw().get(), text);
    assert_eq!(batch.events[0].id(), "a");
    for (text, reason) in [("{}", "is missing"), (r#"{"id":""}"#, "is empty")] {
        let problem = Batch::parse(&headers, text.as_bytes()).unwrap_err();
        let found = &problem.errors[0];
        assert_eq!((found.field.as_str(), found.reason.as_str()), ("id", reason));
    }
}

#[test]
fn a_failure_names_the_sequence_among_events_with_the_same_id() {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(BATCH_JSON));
    let text = r#"[{"id":"a","sequence":"7"},{"id":"a","sequence":"8"},{"id":"a"}]"#;
    let batch = Batch::parse(&headers, text.as_bytes()).unwrap();
    let mut answer = Answer::done();
    for event in &batch.events {
        answer.reject(event, "x");
    }
    let sequences = answer.failed.iter().map(|failed| failed.sequence.as_deref());
    assert_eq!(sequences.collect::<Vec<_>>(), [Some("7"), Some("8"), None]);
}
