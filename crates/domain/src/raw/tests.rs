//! What is understood, what is refused with which words, and what never happens.

mod properties;

use super::*;
use crate::{Money, PartnerId};
use serde_json::{Value, json};

#[track_caller]
fn check(json: &str, expected: &str) {
    let got = match parse(json.as_bytes(), None) {
        Ok(draft) => {
            let line =
                |l: &crate::Line| format!("{}x{}@{}", l.product_id, l.quantity, l.unit_price);
            let lines: Vec<_> = draft.lines.iter().map(line).collect();
            format!("{} {:?} {} {}", draft.order_id, draft.kind, lines.join(","), draft.total)
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(got, expected, "for {json}");
}

/// An order that is good but for `field`, whose value is written as given.
#[track_caller]
fn with(field: &str, value: &str, expected: &str) {
    let good =
        [("order_id", "\"A1\""), ("product_id", "\"P001\""), ("quantity", "2"), ("price", "2.5")];
    let good = good.into_iter().filter(|(name, _)| *name != field).chain([(field, value)]);
    let members: Vec<_> = good.map(|(name, value)| format!("{name:?}:{value}")).collect();
    check(&format!("{{{}}}", members.join(",")), expected);
}

const GOOD: &str = "A1 Sale P001x2@2.50 5.00";

#[test]
fn a_short_order_is_understood() {
    with("vip", "true", GOOD);
    with("lines", "null", GOOD);
    with("quantity", "2.0", GOOD);
    with("price", "25e-1", GOOD);
    with("price", "-0.0", "A1 Sale P001x2@0.00 0.00");
    check(
        r#" {"order_id": 7, "product": "P001", "quantity": -2, "price": "2.55"} "#,
        "7 Return P001x-2@2.55 -5.10",
    );
}

#[test]
fn a_long_order_is_understood() {
    check(
        r#"{"order_id": "A1", "partner": "US1", "timestamp": "2011-12-09T08:00:00Z",
            "customer": {"id": "17850"}, "lines": [
            {"product_id": "A", "quantity": 1, "unit_price": "0.1"},
            {"product_id": "B", "quantity": 2, "unit_price": "0.2"}], "total": "0.50"}"#,
        "A1 Sale Ax1@0.10,Bx2@0.20 0.50",
    );
}

#[test]
fn what_is_no_json_says_where() {
    check("", "is empty or null; an order is a JSON object");
    check("null", "is empty or null; an order is a JSON object");
    check(" \n", "is empty or null; an order is a JSON object");
    check("\u{feff}{}", "begins with a byte order mark, which JSON does not allow");
    check("{", "is not JSON: EOF while parsing an object at line 1 column 1");
    check("{} x", "is not JSON: trailing characters at line 1 column 4");
    with("price", "NaN", "price: is not JSON: expected value at line 1 column 59");
    with("price", "Infinity", "price: is not JSON: expected value at line 1 column 59");
    with("quantity", "1e400", "quantity: is not JSON: number out of range at line 1 column 65");
    with(
        "lines",
        r#"[{"price": }]"#,
        "lines[0].price: is not JSON: expected value at line 1 column 82",
    );
    check(&"[".repeat(10_000), "[0]: is nested more than 127 levels deep");
    with("region", &"[".repeat(10_000), "region: is nested more than 127 levels deep");
    let error = parse(b"{\"order_id\":\"\xff\"}", None).unwrap_err();
    assert_eq!(error.to_string(), "is not UTF-8 from byte 13 on, counted from 0");
    let error = parse(&[b' '; 300_000], None).unwrap_err();
    assert_eq!(error.to_string(), "the order has 300000 bytes, the limit is 262144");
}

#[test]
fn an_order_is_one_object() {
    for (json, what) in [("7", "7"), ("true", "true"), ("\"x\"", "\"x\""), ("[{}]", "a list")] {
        check(json, &format!("is {what}, not a JSON object"));
    }
}

/// 50 digits.
const LONG: &str = "11111111111111111111111111111111111111111111111111";

#[test]
fn quantities_are_whole_and_within_the_limit() {
    for value in [
        "0",
        "2.5",
        "\"2\"",
        "1000000001",
        "-1000000001",
        "1e300",
        "true",
        "[]",
        "9223372036854775808",
        "99999999999999999999",
        "-1.50000000000000000001",
        "-0",
        "1E+30",
        LONG,
    ] {
        let shown = match value {
            "[]" => "a list".to_owned(),
            LONG => format!("{}…", "1".repeat(40)),
            value => value.to_owned(),
        };
        with(
            "quantity",
            value,
            &format!(
                "quantity: is {shown}; a quantity is a whole number, not 0, of at most 1000000000 (below zero in a return)"
            ),
        );
    }
    with("quantity", "null", "quantity: is missing");
    with("quantity", "1e9", "lines: add up to more than 1000000000, the limit");
}

#[test]
fn prices_are_exact_and_not_below_zero() {
    for text in ["\"12,50\"", "\"NaN\"", "\"1e3\"", "\"\"", "\"£3\"", "true"] {
        with("price", text, &format!("price: is {text}, not a decimal number such as 12.50"));
    }
    with(
        "price",
        "-1",
        "price: is -1.00; a price is not below zero, and what is taken off is a `discount` or one of \
         `charges`",
    );
    with("price", "0.12345", "price: is 0.12345, at most 4 decimal places are allowed");
    with("price", "\"0.12345\"", "price: is \"0.12345\", at most 4 decimal places are allowed");
    with("price", "1e-7", "price: is 1e-7, at most 4 decimal places are allowed");
    with("price", "1e30", "price: is 1e30, the limit is 1000000000");
    with("price", "1000000000.5", "price: is 1000000000.5, the limit is 1000000000");
}

#[test]
fn ids_are_text_or_whole_numbers() {
    with("order_id", "null", "order_id: is missing");
    with("order_id", "\"  \"", "order_id: is empty");
    with("order_id", "7.5", "order_id: is 7.5, neither text nor a whole number of 64 bits");
    with("order_id", "-7", "order_id: is -7, neither text nor a whole number of 64 bits");
    with("order_id", r#""a\u0000b""#, "order_id: contains the control character '\\0'");
    with("product_id", r#""a\nb""#, "product_id: contains the control character '\\n'");
    with(
        "customer",
        &format!("{:?}", "x".repeat(500)),
        "customer: has 500 bytes, the limit is 128",
    );
    with("partner", "\"US 1\"", "partner: contains ' '; allowed are A-Z a-z 0-9 _ -");
    with("region", &format!("{:?}", "x".repeat(513)), "region: has 513 bytes, the limit is 512");
}

#[test]
fn every_problem_is_named_by_its_path() {
    check(
        r#"{"order_id": "", "colour": 1, "vip": "yes", "currency": "euro", "lines": [
            {"product_id": "A", "quantity": 1, "price": 1, "x": 1}, 7]}"#,
        "colour: is not a field of an order; order_id: is empty; vip: is \"yes\", neither true nor \
         false; currency: is \"euro\", not three capital letters (ISO 4217); lines[0].x: is not a \
         field of an order line; lines[1]: is 7, not a JSON object",
    );
    with("kind", "\"return\"", "kind: is \"return\", but the quantities are above zero");
    with("kind", "\"gift\"", "kind: is \"gift\", neither \"sale\" nor \"return\"");
    with("total", "9", "total: is 9.00, but the lines add up to 5.00");
    with("total", "\"5,00\"", "total: is \"5,00\", not a decimal number such as 12.50");
    with(
        "customer",
        r#"{"vip": 1, "nmae": "x"}"#,
        "customer.nmae: is not a field of a customer; did you mean \"name\"?; customer.vip: is 1, neither true \
         nor false; customer.id: is missing",
    );
}

#[test]
fn a_name_like_a_known_one_is_told() {
    with("orderId", "1", "orderId: is not a field of an order; did you mean \"order_id\"?");
    with("quantiy", "1", "quantiy: is not a field of an order; did you mean \"quantity\"?");
    with("Unit-Price", "1", "Unit-Price: is not a field of an order; did you mean \"unit_price\"?");
    with("tax", "1", "tax: is not a field of an order");
    with(
        "customer",
        r#"{"ID": "1", "id": "1"}"#,
        "customer.ID: is not a field of a customer; did you mean \"id\"?",
    );
    let long = "x".repeat(100_000);
    with(&long, "1", &format!("{}…: is not a field of an order", "x".repeat(40)));
}

#[test]
fn what_could_mean_two_things_is_refused() {
    with("product", "\"P002\"", "product: means the same as `product_id`; give one of them");
    with("unit_price", "1", "unit_price: means the same as `price`; give one of them");
    with("product", "null", GOOD);
    check(
        r#"{"order_id":"A1","order_id":"A2","product":"P","quantity":1,"price":1,"customer":{"id":"1","id":"1"}}"#,
        "order_id: is given more than once; customer.id: is given more than once",
    );
    check(
        r#"{"order_id":"A1","product_id":"P","quantity":1,"lines":[{"product":"P","quantity":1,"price":1}]}"#,
        "product_id: belongs to a line and stands beside `lines`; quantity: belongs to a line and stands beside `lines`",
    );
    let both =
        r#"{"order_id":"A1","product":"P","quantity":1,"price":1,"timestamp":1,"ordered_at":1}"#;
    check(both, "ordered_at: means the same as `timestamp`; give one of them");
}

#[test]
fn lines_are_counted_before_they_are_read() {
    let lines = |count: usize, line: &str| {
        format!(r#"{{"order_id":"A1","lines":[{}]}}"#, vec![line; count].join(","))
    };
    check(&lines(0, ""), "lines: has 0 lines; an order has 1 to 1000");
    check(&lines(1_001, "7"), "lines: has 1001 lines; an order has 1 to 1000");
    check(r#"{"order_id":"A1","lines":"x"}"#, "lines: is \"x\", not a list");
    let error = parse(lines(1_000, "7").as_bytes(), None).unwrap_err().into_problems();
    assert_eq!(error.len(), PROBLEMS_MAX + 1);
    assert_eq!(error[PROBLEMS_MAX].to_string(), "and 980 more problems");
    let mixed = r#"{"order_id":"A1","lines":[{"product":"A","quantity":1,"price":1},{"product":"B","quantity":-1,"price":1}]}"#;
    check(mixed, "lines: mix quantities above and below zero");
}

#[test]
fn charges_are_part_of_an_order() {
    let shipping =
        r#"{"kind":"shipping","description":" DHL ","amount":4.9,"tax_category":"standard"}"#;
    let coupon = r#"{"kind":"discount","amount":"-1.50"}"#;
    with("charges", &format!("[{shipping},{coupon}]"), "A1 Sale P001x2@2.50 8.40");
    with("charges", "[]", GOOD);
    with("charges", "null", GOOD);
    with("discount", "0.5", "A1 Sale P001x2@2.50 4.50");
    with("tax_given", "\"0.95\"", GOOD);
    let order = format!(
        r#"{{"order_id":1,"product":"P","quantity":1,"price":1,"tax_category":"reduced",
        "charges":[{shipping},{coupon}],"total":4.4}}"#
    );
    let draft = parse(order.as_bytes(), None).unwrap();
    assert_eq!(draft.lines[0].tax_category.as_ref().unwrap().as_str(), "reduced");
    assert_eq!(draft.charges[0].description.as_deref(), Some("DHL"));
    let written = serde_json::to_value(&draft).unwrap();
    assert_eq!(
        written["charges"],
        json!([
        {"kind": "shipping", "description": "DHL", "amount": "4.90", "tax_category": "standard"},
        {"kind": "discount", "amount": "-1.50"}])
    );
}

#[test]
fn what_is_no_charge_says_why_by_its_path() {
    let charges = |charges: &str, expected: &str| with("charges", charges, expected);
    let kinds = "kinds are shipping discount fee gift_wrap rounding other";
    charges("7", "charges: is 7, not a list");
    charges("[7]", "charges[0]: is 7, not a JSON object");
    charges(r#"[{"kind":"fee"}]"#, "charges[0].amount: is missing");
    charges(r#"[{"amount":1}]"#, "charges[0].kind: is missing");
    charges(
        r#"[{"kind":"fee","amount":1},{"kind":"shiping","amount":"1,5","size":2}]"#,
        &format!(
            "charges[1].size: is not a field of a charge; charges[1].kind: is \"shiping\"; {kinds}; \
             did you mean \"shipping\"?; charges[1].amount: is \"1,5\", not a decimal number such as \
             12.50"
        ),
    );
    charges(r#"[{"kind":7,"amount":1}]"#, &format!("charges[0].kind: is 7; {kinds}"));
    charges(
        r#"[{"kind":"discount","amount":1}]"#,
        "charges[0].amount: is 1.00; a discount of a sale is not above zero",
    );
    charges(
        r#"[{"kind":"discount","amount":-5.01}]"#,
        "lines: come to -0.01 with the charges; a sale does not come to less than zero",
    );
    charges(
        &format!("[{}]", vec![r#"{"kind":"fee","amount":1}"#; 101].join(",")),
        "charges: has 101 charges, the limit is 100",
    );
    let text = |field: &str, len: usize| {
        format!(r#"[{{"kind":"fee","amount":1,"{field}":"{}"}}]"#, "x".repeat(len))
    };
    charges(&text("description", 513), "charges[0].description: has 513 bytes, the limit is 512");
    charges(&text("tax_category", 65), "charges[0].tax_category: has 65 bytes, the limit is 64");
    charges(
        r#"[{"kind":"fee","amount":2e9}]"#,
        "charges[0].amount: is 2e9, the limit is 1000000000",
    );
    with("discount", "5.01", "discount: is 5.01, but the line comes to 5.00");
    with("discount", "-1", "discount: is -1.00; it is taken off, and not below zero");
    with("tax_given", "true", "tax_given: is true, not a decimal number such as 12.50");
    check(
        r#"{"order_id":1,"lines":[{"product":"P","quantity":1,"price":1}],"total":1,
            "charges":[{"kind":"fee","amount":2}]}"#,
        "total: is 1.00, but lines and charges add up to 3.00",
    );
}

fn person(customer: &str) -> crate::order::Draft {
    let order = format!(
        r#"{{"order_id":"A1","product":"P001","quantity":2,"price":2.5,"customer":{customer}}}"#
    );
    parse(order.as_bytes(), None).unwrap()
}

#[test]
fn a_person_stands_beside_the_order_and_not_in_its_content() {
    let whole = r#"{"id":"17850","vip":true,"name":" محمد ","email":"m@example.org",
        "phone":"+33 6 12 34 56 78","delivery":{"lines":"1 rue X","city":"Lyon","country":"FR"}}"#;
    let draft = person(whole);
    let said = draft.person.clone().unwrap();
    assert_eq!(said.name.as_deref(), Some("محمد"));
    assert_eq!(said.phone.as_deref(), Some("+33612345678"));
    assert_eq!(said.delivery.unwrap().lines, ["1 rue X"]);
    let plain = person(r#"{"id":"17850","vip":true}"#);
    assert_eq!((plain.person, &plain.customer), (None, &draft.customer));
    assert_eq!(person(whole).content(), person(r#"{"id":"17850","vip":true}"#).content());
    assert!(!serde_json::to_string(&draft).unwrap().contains("example.org"));
    // Who has no number is a guest.
    let guest = person(r#"{"name":"Ana","email":""}"#);
    assert_eq!(guest.customer, None);
    assert_eq!(guest.person.unwrap().name.as_deref(), Some("Ana"));
}

#[test]
fn what_is_wrong_with_a_person_is_named_by_its_path_and_not_repeated() {
    with("customer", r#"{"name":7}"#, "customer.name: is a number, not text");
    with("customer", r#"{"email":""}"#, "customer.id: is missing");
    with(
        "customer",
        r#"{"id":"1","phone":33612345678,"billing":{"lines":[],"town":"x","country":"France"},"delivery":"Lyon"}"#,
        "customer.phone: is a number, not text; customer.billing.town: is not a field of an address; \
         customer.billing.city: is missing; customer.delivery: is text, not a JSON object",
    );
    with(
        "customer",
        r#"{"id":"1","email":"ana","billing":{"lines":["a","b"],"city":"x","country":"XX"}}"#,
        "customer.email: is not an e-mail address such as name@example.org; customer.billing.country: is \
         not the code of a country: two capitals such as FR (ISO 3166)",
    );
}

#[test]
fn metadata_are_pairs_of_texts() {
    with("metadata", r#"{"channel":"web"," a.b ":""}"#, GOOD);
    with("metadata", "{}", GOOD);
    with("metadata", "[]", "metadata: is a list, not a JSON object");
    with(
        "metadata",
        r#"{"a":1,"":"x","b":null,"c":"d"}"#,
        "metadata: has an empty name; metadata.a: is 1, not text; metadata.b: is null, not text",
    );
    let pairs = |count: usize, len: usize| {
        let text = "x".repeat(len);
        let pairs = (0..count).map(|n| format!(r#""{n:02}":"{text}""#));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
    };
    with("metadata", &pairs(20, 202), GOOD);
    with("metadata", &pairs(21, 1), "metadata: has 21 pairs, the limit is 20");
    with(
        "metadata",
        &pairs(20, 203),
        "metadata: has 4100 bytes of names and texts, the limit is 4096",
    );
    check(
        r#"{"order_id":1,"product":"P","quantity":1,"price":1,"metadata":{"a":"1","a":"2"}}"#,
        "metadata.a: is given more than once",
    );
}

#[test]
fn times_are_rfc3339_or_epoch_seconds() {
    for (time, expected) in [
        (json!("2026-01-02T03:04:05+01:00"), "2026-01-02T02:04:05+00:00"),
        (json!(1_700_000_000), "2023-11-14T22:13:20+00:00"),
        (json!(1_700_000_000.5), "2023-11-14T22:13:20.500+00:00"),
        (json!(0), "1970-01-01T00:00:00+00:00"),
        (json!("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59+00:00"),
    ] {
        assert_eq!(value::time(&time).unwrap().to_rfc3339(), expected);
    }
    for (time, expected) in [
        (
            "\"yesterday\"",
            "is \"yesterday\", neither RFC 3339 such as 2026-01-02T03:04:05Z nor seconds since 1970",
        ),
        ("\"\"", "is \"\", neither RFC 3339 such as 2026-01-02T03:04:05Z nor seconds since 1970"),
        (
            "\"2026-13-01T00:00:00Z\"",
            "is \"2026-13-01T00:00:00Z\", neither RFC 3339 such as 2026-01-02T03:04:05Z nor seconds since 1970",
        ),
        (
            "\"2026-01-02T03:04:05\"",
            "is \"2026-01-02T03:04:05\", without a time zone; Z or an offset such as +01:00 belongs to it",
        ),
        ("\"1700000000\"", "is the text \"1700000000\"; seconds since 1970 stand without quotes"),
        ("-1", "is -1, not within the years 1970 to 9999"),
        (
            "\"1969-12-31T23:59:59Z\"",
            "is \"1969-12-31T23:59:59Z\", not within the years 1970 to 9999",
        ),
        (
            "1700000000000",
            "is 1700000000000, not within the years 1970 to 9999; seconds are meant, not milliseconds",
        ),
        ("1e300", "is 1e300, not within the years 1970 to 9999"),
        ("[]", "is a list, neither RFC 3339 nor seconds since 1970"),
    ] {
        with("timestamp", time, &format!("timestamp: {expected}"));
    }
}

#[test]
fn a_partner_speaks_only_for_itself() {
    let us1 = PartnerId::parse("US1").unwrap();
    let order = |partner: &str| {
        let order =
            format!(r#"{{"order_id":1,"product":"P","quantity":1,"price":1,"partner":{partner}}}"#);
        parse(order.as_bytes(), Some(&us1))
    };
    assert_eq!(order("\"US2\"").unwrap_err().to_string(), "partner: is US2, but US1 sent it");
    assert_eq!(order("null").unwrap().partner, Some(us1.clone()));
    assert_eq!(order("\"US1\"").unwrap().partner, Some(us1.clone()));
}

#[test]
fn the_same_content_has_the_same_hash() {
    let hash = |price: Value| {
        let order = json!({"order_id": 1, "product": "P", "quantity": 1, "price": price});
        read(&order, None).unwrap().content()
    };
    assert_eq!(hash(json!("2.50")), hash(json!(2.5)));
    assert_ne!(hash(json!(2.5)), hash(json!(2.51)));
}
