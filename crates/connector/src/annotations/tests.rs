use super::*;
use proptest::prelude::*;

fn read(pairs: &[(&str, &str)]) -> Result<Vec<Subscription>, Vec<Problem>> {
    let annotations = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    parse("f", &annotations.collect())
}

#[track_caller]
fn refused(pairs: &[(&str, &str)], expected: &[&str]) {
    let problems = read(pairs).unwrap_err();
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown, expected);
}

#[track_caller]
fn filters(pairs: &[(&str, &str)], expected: &[&str]) {
    let subscriptions = read(pairs).unwrap();
    let found: Vec<_> = subscriptions.iter().map(|s| s.filter.as_str()).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_topic_alone_gets_the_defaults() {
    let expected = Subscription {
        function: "f".into(),
        filter: "orders.placed.>".into(),
        stream: "ORDERS".into(),
        batch: 1,
        batch_bytes: 1024 * 1024,
        batch_wait: Duration::from_millis(20),
        timeout: Duration::from_secs(45),
        max_deliver: 10,
        mode: Mode::Unordered { deliver: Deliver::All, max_inflight: 4 },
    };
    assert_eq!(read(&[("topic", " orders.placed.> ")]).unwrap(), [expected]);
}

#[test]
fn every_annotation_is_read() {
    let read = read(&[
        ("topic", "orders"),
        ("orderflow.topics", "files.failed.>  errors.>"),
        ("orderflow.batch", "500"),
        ("orderflow.batch-bytes", "64KiB"),
        ("orderflow.batch-wait", "5ms"),
        ("orderflow.deliver", "1h"),
        ("orderflow.max-deliver", "3"),
        ("orderflow.max-inflight", "2"),
        ("orderflow.timeout", "1m"),
    ])
    .unwrap();
    let streams: Vec<_> = read.iter().map(|s| s.stream.as_str()).collect();
    assert_eq!(streams, ["INTAKE", "FILES", "ERRORS"]);
    let last = read.last().unwrap();
    assert_eq!((last.batch, last.batch_bytes, last.max_deliver), (500, 64 * 1024, 3));
    assert_eq!(last.batch_wait, Duration::from_millis(5));
    assert_eq!(last.timeout, Duration::from_secs(60));
    let deliver = Deliver::Since(Duration::from_secs(3600));
    assert_eq!(last.mode, Mode::Unordered { deliver, max_inflight: 2 });
}

#[test]
fn topics_of_cron_connector_are_ignored() {
    filters(&[], &[]);
    filters(&[("topic", "cron-function"), ("schedule", "0 8 * * *")], &[]);
    filters(&[("topic", "cron-function"), ("orderflow.topics", "orders")], &["orders"]);
}

#[test]
fn an_ordered_topic_is_read_in_its_lanes() {
    let ordered = ("orderflow.ordered", "true");
    let topic = ("topic", "orders.placed.>");
    filters(&[topic, ordered], &["orders.placed.>"]);
    filters(
        &[topic, ordered, ("orderflow.lanes", "main eu")],
        &["orders.placed.main.>", "orders.placed.eu.>"],
    );
    refused(
        &[topic, ("orderflow.lanes", "main")],
        &["function f: orderflow.lanes \"main\": only with orderflow.ordered \"true\""],
    );
    refused(
        &[("topic", "orders"), ordered, ("orderflow.lanes", "a a.b")],
        &[
            "function f: orderflow.lanes \"a.b\": a lane is one token of a subject",
            "function f: topic \"orders\": must end in .> to be read in lanes",
        ],
    );
    refused(
        &[topic, ordered, ("orderflow.topics", "orders")],
        &[
            "function f: orderflow.topics \"orders.placed.> orders\": an ordered function has one topic",
        ],
    );
}

#[test]
fn all_problems_are_listed_with_value_and_limit() {
    refused(
        &[
            ("topic", "orders"),
            ("orderflow.batch", "0"),
            ("orderflow.batch-bytes", "1MB"),
            ("orderflow.batch-wait", "soon"),
            ("orderflow.ordered", "yes"),
            ("orderflow.deliver", "old"),
            ("orderflow.max-deliver", "-1"),
            ("orderflow.max-inflight", "1000"),
            ("orderflow.timeout", "1h"),
        ],
        &[
            "function f: orderflow.ordered \"yes\": not true or false",
            "function f: orderflow.deliver \"old\": not all, new or an age such as 1h",
            "function f: orderflow.max-inflight \"1000\": not from 1 to 256",
            "function f: orderflow.batch \"0\": not from 1 to 10000",
            "function f: orderflow.batch-bytes \"1MB\": not a size such as 65536, 64KiB or 1MiB",
            "function f: orderflow.batch-wait \"soon\": not a time such as 20ms, 45s or 1h",
            "function f: orderflow.timeout \"1h\": not from 100 to 900000 ms",
            "function f: orderflow.max-deliver \"-1\": not a whole number",
        ],
    );
}

#[test]
fn a_topic_that_no_stream_keeps_is_named() {
    let streams: Vec<&str> = streams::STREAMS.iter().map(|stream| stream.name).collect();
    let streams = streams.join(", ");
    refused(
        &[("topic", "payments.>"), ("orderflow.topics", "orders..x")],
        &[
            &format!("function f: topic \"payments.>\": is in none of the streams {streams}"),
            "function f: orderflow.topics \"orders..x\": not a NATS subject",
        ],
    );
}

proptest! {
    #[test]
    fn two_pairs_never_share_a_consumer(a in "[a-z_.>-]{0,6}", b in "[a-z_.>-]{0,6}", c in "[a-z_.>-]{0,6}", d in "[a-z_.>-]{0,6}") {
        let name = durable_name(&a, &b);
        prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')));
        prop_assert_eq!(name == durable_name(&c, &d), (a, b) == (c, d));
    }
}
