use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn stored(payload: &[u8]) -> Stored<'_> {
    Stored {
        stream: "ORDERS",
        sequence: 7,
        previous: None,
        subject: "orders",
        time: "2026-01-02T03:04:05Z",
        headers: None,
        payload,
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, *value);
    }
    headers
}

#[track_caller]
fn check(payload: &str, id: &str, expected: &str) {
    let encoded = encode(&stored(payload.as_bytes()));
    assert_eq!(std::str::from_utf8(&encoded.json).unwrap(), expected);
    assert_eq!(encoded.id, id);
}

const HEAD: &str = r#""specversion":"1.0","id":"a\"1","source":"/x","type":"t""#;
const PLACE: &str = r#""subject":"orders","sequence":"7""#;
const WRAPPED: &str = r#"{"specversion":"1.0","id":"ORDERS:7","source":"/nats/orders","type":"orderflow.raw.v1","subject":"orders","time":"2026-01-02T03:04:05Z","sequence":"7""#;

#[test]
fn a_cloud_event_gets_its_sequence_and_keeps_its_data_byte_for_byte() {
    check(
        &format!("{{{HEAD}, \"data\" : {{ \"price\": 1.50 }} }}"),
        "a\"1",
        &format!("{{{HEAD}, \"data\" : {{ \"price\": 1.50 }} ,{PLACE}}}"),
    );
}

#[test]
fn the_subject_is_the_one_that_the_message_was_stored_on() {
    let named = |subject| format!("{{\"subject\":{subject},{HEAD}}}");
    let stands = format!("{{\"subject\":\"orders\",{HEAD},\"sequence\":\"7\"}}");
    check(&named("\"orders\""), "a\"1", &stands);
    for other in ["\"orders.placed.main.US1.7\"", "\"ord\\u0065rs\"", "null", "7"] {
        check(&named(other), "a\"1", &format!("{{{HEAD},{PLACE}}}"));
    }
    let twice = format!("{{\"subject\":\"orders\",{HEAD},\"subject\":\"x\"}}");
    check(&twice, "a\"1", &format!("{{{HEAD},{PLACE}}}"));
}

#[test]
fn a_sequence_that_was_there_already_is_replaced() {
    check(
        &format!("{{\"sequence\":\"1\",{HEAD},\"previous\":\"0\",\"s\\u0065quence\":5}}"),
        "a\"1",
        &format!("{{{HEAD},{PLACE}}}"),
    );
}

#[test]
fn an_ordered_event_names_the_one_before_it() {
    let payload = format!("{{{HEAD}}}");
    let encoded = encode(&Stored { previous: Some(3), ..stored(payload.as_bytes()) });
    let expected = format!("{{{HEAD},{PLACE},\"previous\":\"3\"}}");
    assert_eq!(String::from_utf8(encoded.json).unwrap(), expected);
}

#[test]
fn anything_else_is_wrapped() {
    for json in ["{\"order_id\": 1.0}", "[1, 2]", "\"x\"", "null", "{}"] {
        let data = format!("{WRAPPED},\"datacontenttype\":\"application/json\",\"data\":{json}}}");
        check(&format!(" {json}\n"), "ORDERS:7", &data);
    }
    check("", "ORDERS:7", &format!("{WRAPPED}}}"));
    check(
        "{not json",
        "ORDERS:7",
        &format!(
            "{WRAPPED},\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"e25vdCBqc29u\"}}"
        ),
    );
}

#[test]
fn an_incomplete_cloud_event_is_wrapped() {
    for broken in [
        r#"{"specversion":"1.0","id":"1","source":"/x"}"#,
        r#"{"specversion":"1.0","id":"","source":"/x","type":"t"}"#,
        r#"{"specversion":"1.0","id":5,"source":"/x","type":"t"}"#,
        r#"{"specversion":"0.3","id":"1","source":"/x","type":"t"}"#,
        r#"{"specversion":"1.0","id":"1","id":"2","source":"/x","type":"t"}"#,
    ] {
        assert_eq!(encode(&stored(broken.as_bytes())).id, "ORDERS:7", "{broken}");
    }
}

#[test]
fn the_trace_of_the_message_goes_along_unless_the_event_has_one() {
    let with = |payload: &str| {
        let headers = headers(&[("traceparent", "00-a")]);
        let stored = Stored { headers: Some(&headers), ..stored(payload.as_bytes()) };
        serde_json::from_slice::<Value>(&encode(&stored).json).unwrap()["traceparent"].clone()
    };
    assert_eq!(with("1"), "00-a");
    assert_eq!(with(&format!("{{{HEAD}}}")), "00-a");
    assert_eq!(with(&format!("{{{HEAD},\"traceparent\":\"00-b\"}}")), "00-b");
}

#[test]
fn an_event_in_binary_mode_is_the_same_as_in_structured_mode() {
    let given = [
        ("Ce-Specversion", "1.0"),
        ("ce-id", "a\"1"),
        ("ce-source", "/x"),
        ("ce-type", "t"),
        ("ce-partner", "US1"),
        ("ce-subject", "orders.placed.main.US1.1"),
        ("content-type", "application/json"),
    ];
    let given = headers(&given);
    let encoded = encode(&Stored { headers: Some(&given), ..stored(b"{\"a\": 1.50}") });
    let got: Value = serde_json::from_slice(&encoded.json).unwrap();
    let expected = json!({"specversion": "1.0", "id": "a\"1", "source": "/x", "type": "t",
        "partner": "US1", "datacontenttype": "application/json", "data": {"a": 1.5},
        "subject": "orders", "sequence": "7"});
    assert_eq!((encoded.id.as_str(), got), ("a\"1", expected));
    assert!(std::str::from_utf8(&encoded.json).unwrap().contains("1.50"));
    // An incomplete event in binary mode reaches the function with all its attributes.
    let half = headers(&[("ce-partner", "US1")]);
    let encoded = encode(&Stored { headers: Some(&half), ..stored(b"1") });
    let got: Value = serde_json::from_slice(&encoded.json).unwrap();
    assert_eq!((encoded.id.as_str(), &got["type"]), ("ORDERS:7", &json!(RAW_TYPE)));
    assert_eq!(got["data"], json!({"specversion": null, "partner": "US1", "data": 1}));
}

#[test]
fn a_body_is_an_array() {
    assert_eq!(array([].into_iter()), b"[]");
    assert_eq!(array([b"1".as_slice(), b"{}"].into_iter()), b"[1,{}]");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_spliced_event_is_json_with_the_same_members(id in "\\PC+", data in json_value(), extra in json_value(), name in any::<String>()) {
        let mut given = json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "data": data});
        if given.get(&name).is_none() {
            given[&name] = extra;
        }
        let payload = serde_json::to_vec(&given).unwrap();
        let encoded = encode(&stored(&payload));
        let mut got: Value = serde_json::from_slice(&encoded.json).unwrap();
        prop_assert_eq!(&encoded.id, &id);
        prop_assert_eq!(got["sequence"].take(), json!("7"));
        prop_assert_eq!(got["subject"].take(), json!("orders"));
        for (name, value) in given.as_object().unwrap() {
            prop_assert!(OURS.contains(&name.as_str()) || &got[name] == value);
        }
    }

    #[test]
    fn any_payload_becomes_an_event_that_holds_it(payload in prop::collection::vec(any::<u8>(), 0..64), subject in "\\PC{0,20}") {
        let encoded = encode(&Stored { subject: &subject, ..stored(&payload) });
        let got: Value = serde_json::from_slice(&encoded.json).unwrap();
        match got.get("data_base64") {
            Some(base64) => prop_assert_eq!(STANDARD.decode(base64.as_str().unwrap()).unwrap(), payload),
            None if payload.is_empty() => prop_assert_eq!(got.get("data"), None),
            None => {
                let data: Value = serde_json::from_slice(&payload).unwrap();
                prop_assert_eq!(&got["data"], &data);
            }
        }
    }

    #[test]
    fn json_payloads_are_wrapped_as_json(data in json_value()) {
        let payload = serde_json::to_vec(&data).unwrap();
        let got: Value = serde_json::from_slice(&encode(&stored(&payload)).json).unwrap();
        prop_assert_eq!(&got["data"], &data);
    }
}
