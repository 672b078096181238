//! What is a person, and which words say why not.

use super::*;
use serde_json::{Value, json};

#[track_caller]
fn check(person: Value, expected: &[&str]) {
    let person: Person = serde_json::from_value(person).unwrap();
    let found: Vec<String> = person.problems().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

fn address(change: impl FnOnce(&mut Value)) -> Value {
    let mut address = json!({"lines": ["1 rue de la Paix"], "postal_code": "75002", "city": "Paris", "country": "FR"});
    change(&mut address);
    json!({"billing": address})
}

#[test]
fn a_person_of_any_script_is_one() {
    let long = "x".repeat(300);
    for name in ["Ana", "محمد بن سلمان", "שרה לוי", "名前", "O'Neil-Ünal", "A\u{200d}B", &long]
    {
        check(json!({"name": name, "company": name}), &[]);
    }
    check(
        json!({"email": "Ana.Lopez+shop@Example.co.uk", "phone": "+33 (6) 12.34-56 78",
            "vat_number": "FR40303265045", "language": "fr-CA", "billing": address(|_| {})["billing"]}),
        &[],
    );
    let person: Person = serde_json::from_value(json!({"phone": "+33 (6) 12.34-56 78"})).unwrap();
    assert_eq!(person.phone.as_deref(), Some("+33612345678"));
    assert!(!person.is_empty() && Person::default().is_empty());
}

#[test]
fn what_is_wrong_is_named_without_its_value() {
    let phone = "phone: is not +, country and 7 to 15 digits in all; a telephone number is written with its \
        country, as in E.164: +33612345678";
    let email = "email: is not an e-mail address such as name@example.org";
    let long = "x".repeat(301);
    check(json!({"name": long}), &["name: has 301 characters, the limit is 300"]);
    check(json!({"name": " "}), &["name: is empty"]);
    check(json!({"name": "a\nb"}), &["name: contains a control character"]);
    for number in ["0612345678", "+0612345678", "+33", "+33612345678901234", "+33x612345678", "x"] {
        check(json!({"phone": number}), &[phone]);
    }
    for text in ["", "x", "a@", "@b.c", "a@b@c", "a b@c.d", "a@b..c", "a@.b", "a@b-", "<a@b.c>"] {
        check(json!({"email": text}), &[email]);
    }
    let long = format!("{}@b.c", "x".repeat(251));
    check(json!({"email": long}), &["email: has 255 bytes, the limit is 254"]);
    check(
        json!({"language": "french", "vat_number": "40303265045"}),
        &[
            "vat_number: has another form; a VAT number has two letters and 2 to 13 capitals or digits, no blanks",
            "language: is not a language such as fr or fr-CA (ISO 639, ISO 3166)",
        ],
    );
    check(
        address(|it| it["country"] = "France".into()),
        &["billing.country: is not the code of a country: two capitals such as FR (ISO 3166)"],
    );
    check(
        address(|it| it["lines"] = json!([])),
        &["billing.lines: has 0 lines; 1 to 4 are allowed"],
    );
    check(address(|it| it["lines"] = json!(["a", " "])), &["billing.lines[1]: is empty"]);
    check(
        address(|it| it["postal_code"] = "1".repeat(21).into()),
        &["billing.postal_code: has 21 characters, the limit is 20"],
    );
}

#[test]
fn a_number_that_says_who_somebody_is_is_personal() {
    for id in [
        "ana@example.org",
        "+33612345678",
        "+33 6 12 34 56 78",
        "0033612345678",
        "0612345678",
        "06 12 34 56 78",
        "06-12-34-56-78",
    ] {
        assert!(is_personal(id), "{id}");
    }
    for id in [
        "17850",
        "CUST-0001",
        "0000012345",
        "00012345678",
        "12345678901",
        "@shop",
        "a@b",
        "012345",
        "+1",
    ] {
        assert!(!is_personal(id), "{id}");
    }
}

#[test]
fn what_is_not_said_stays() {
    let person = |value: Value| serde_json::from_value::<Person>(value).unwrap();
    let mut card = person(json!({"name": "Ana", "phone": "+33612345678"}));
    card.take(&person(json!({"name": "Ana López", "email": "a@b.c"})));
    assert_eq!(
        card,
        person(json!({"name": "Ana López", "email": "a@b.c", "phone": "+33612345678"}))
    );
}
