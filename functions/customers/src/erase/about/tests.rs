use super::*;
use serde_json::json;

#[track_caller]
fn check(partner: &str, headers: &[(&str, &str)], payload: impl ToString, expected: About) {
    let partner = PartnerId::parse(partner).unwrap();
    let known = Known::new(&partner, ["p-1", "Ana@Example.org", "+33 6 12 34 56 78"]);
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let payload = payload.to_string();
    let subject = "errors.dead.order-ingest";
    let came = Came { subject, headers: &headers, payload: payload.as_bytes() };
    assert_eq!(known.look(&came), expected, "{headers:?} {payload}");
}

fn base64(value: impl ToString) -> String {
    STANDARD.encode(value.to_string())
}

#[test]
fn a_message_about_the_customer_is_found_however_it_is_wrapped() {
    let order = json!({"customer": {"id": "p-1"}});
    for payload in [
        json!({"partner": "US1", "customer": "p-1"}),
        json!({"partner": "US1", "data": order}),
        json!({"data": {"order": order, "partner": "US1"}}),
        json!({"partner": "US1", "customer": "another", "data": order}),
        json!({"partner": "US1", "data": order, "z": {"customer": "another"}}),
        json!({"partner": "US1", "data": order.to_string()}),
        json!({"partner": "US1", "data_base64": base64(&order)}),
        json!([{"partner": "US1", "customer": {"ID": " p-1 "}}]),
    ] {
        check("US1", &[], &payload, About::Customer);
        check("US2", &[], &payload, About::Another);
    }
    check("US1", &[], r#"{"partner": "US1", "customer": "p-1", "customer": "x"}"#, About::Customer);
    for other in [
        json!({"partner": "US1", "customer": {"id": "p-2"}}),
        json!({"partner": "US1", "customer": {"name": "p-1"}}),
        json!({"partner": "US1", "customer": "P-1"}),
        json!("p-1"),
        json!({}),
    ] {
        check("US1", &[], &other, About::Another);
    }
}

#[test]
fn spellings_of_an_address_are_one_name() {
    for spelling in ["ana@EXAMPLE.org", " Ana@Example.org\t", "+33612345678", "+33-6.12/34 (56)78"]
    {
        check("US1", &[], json!({"partner": "US1", "customer": spelling}), About::Customer);
    }
    check("DIRECT", &[], json!({"customer": "ana@example.org\u{200b}"}), About::Customer);
    check("US1", &[], json!({"partner": "US1", "customer": "+33612345679"}), About::Another);
}

#[test]
fn headers_say_whose_a_message_is() {
    let order = json!({"customer": "p-1"});
    check("DIRECT", &[], &order, About::Customer);
    for name in ["ce-partner", "CE-Partner", header::SENDER] {
        check("DIRECT", &[(name, "US1")], &order, About::Another);
        check("US1", &[(name, "US1")], &order, About::Customer);
    }
    let structured = ("content-type", "application/cloudevents+json");
    check("DIRECT", &[structured, ("ce-partner", "US1")], &order, About::Another);
    check("US1", &[("ce-partner", "US1"), ("ce-customer", "p-1")], "", About::Customer);
}

#[test]
fn a_message_whose_partner_is_not_clear_is_nobodys() {
    let of = |partner: &str| json!({"partner": partner, "customer": "p-1"});
    check("US1", &[("ce-partner", "US2")], of("US1"), About::Unclear);
    check("US2", &[("ce-partner", "US2")], of("US1"), About::Unclear);
    check("US3", &[("ce-partner", "US2")], of("US1"), About::Another);
    check(
        "US1",
        &[("ce-partner", "US1"), ("ce-partner", "US2")],
        json!({"customer": "p-1"}),
        About::Unclear,
    );
    check("US1", &[], r#"{"partner": "US1", "partner": "US2", "customer": "p-1"}"#, About::Unclear);
    for unclear in [json!({"x": 1}), json!("no name"), json!(true)] {
        check("US1", &[], json!({"partner": unclear, "customer": "p-1"}), About::Unclear);
    }
    check("US1", &[(header::UNREADABLE, "eA==")], of("US1"), About::Unclear);
    check("DIRECT", &[(LEFT_OUT, "1")], json!({"customer": "p-1"}), About::Unclear);
    check("US1", &[(header::SENDER, "US1")], of("US1"), About::Customer);
    let partner = PartnerId::parse("US1").unwrap();
    let known = Known::new(&partner, ["p-1"]);
    let payload = of("US2").to_string();
    let (subject, payload) = ("errors.conflict.US1.7", payload.as_bytes());
    assert_eq!(known.look(&Came { subject, headers: &[], payload }), About::Unclear);
}

#[test]
fn what_is_no_json_is_told_from_what_is_about_somebody_else() {
    for text in ["<customer>p-1</customer>", "{\"customer\":"] {
        check("US1", &[], text, About::Unread);
        check("US1", &[("ce-partner", "US1")], text, About::Unread);
        check("US1", &[("ce-partner", "US2")], text, About::Another);
        check("US1", &[], json!({"partner": "US1", "data_base64": base64(text)}), About::Unread);
    }
    check("US1", &[], json!({"partner": "US1", "data_base64": "?"}), About::Unread);
    check("US1", &[], "", About::Another);
    let deep = "[".repeat(40) + &"]".repeat(40);
    check("US1", &[], deep, About::Unread);
}
