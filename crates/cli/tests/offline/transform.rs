//! Expressions of a partner, tried without a server.

use crate::support::Here;
use serde_json::json;

const PARTNER: &str = "partners:
  A:
    currency: EUR
    file:
      columns: {order-id: no, product-id: sku, unit-price: price}
      transform:
        columns:
          quantity: COALESCE(NULLIF(qty, ''), '1')
          ordered-at: day || ' ' || time
        where: status <> 'cancelled'
        look-ups: {skus: {\"1\": P1}}
    rules: {customer-required: false}
";
const FILE: &str = "no,sku,qty,price,day,time,status
1,P1,,1.50,2026-01-01,09:00:00,paid
2,P1,2,1.50,2026-01-01,09:00:00,cancelled
";

#[test]
fn a_transform_is_tried_on_a_file() {
    let here = Here::new();
    here.write("a.yml", PARTNER);
    here.write("a.csv", FILE);
    let receipt = here.json(&["check", "a.csv", "--partners", "a.yml"]);
    assert_eq!((&receipt["rows"], &receipt["accepted"]), (&json!(2), &json!(1)), "{receipt}");
    // What is left out is no reject.
    assert_eq!((&receipt["filtered"], &receipt["rejected"]), (&json!(1), &json!(0)), "{receipt}");
    assert_eq!(here.says(&["check", "a.csv", "--partners", "a.yml"]).0, 0);
}

#[test]
fn an_expression_that_is_not_row_by_row_is_refused_with_its_place() {
    let here = Here::new();
    here.write("a.csv", FILE);
    here.write("good.yml", "partners:\n  B: {currency: EUR}\n");
    for (from, to, expected) in [
        (
            "day || ' ' || time",
            "SUM(day)",
            "partners.A.file: transform.columns.ordered-at has SUM(day), which is not allowed: a \
             transform sees one row and nothing else",
        ),
        ("status <> 'cancelled'", "random() < 0.5", "transform.where has random()"),
        ("          quantity: COALESCE(NULLIF(qty, ''), '1')\n", "", "columns.quantity: missing"),
        (
            "{skus:",
            "{skus: 1, x:",
            "transform.look-ups.skus: is not a map from texts to texts or the name of a",
        ),
        ("{skus:", "{skus: x.txt, x:", "transform.look-ups.skus: is \"x.txt\", which is no .csv"),
    ] {
        assert!(PARTNER.contains(from), "{from}");
        here.write("a.yml", PARTNER.replace(from, to));
        for args in [
            &["check", "a.csv", "--partners", "a.yml", "--partner", "A"][..],
            &["add", "a.yml", "--partners", "good.yml"],
        ] {
            let (code, text) = here.says(args);
            assert_eq!(code, 1, "{args:?}: {text}");
            assert!(text.contains(expected), "{args:?}: {text}");
        }
    }
    assert!(!here.read("good.yml").contains("A:"), "nothing was added");
}

#[test]
fn a_look_up_may_stand_in_a_table_beside_the_configuration() {
    let here = Here::new();
    here.write("a.csv", FILE);
    let yaml = PARTNER
        .replace("product-id: sku, ", "")
        .replace(
            "          quantity:",
            "          product-id: LOOKUP('skus', sku)\n          quantity:",
        )
        .replace("{skus: {\"1\": P1}}", "{skus: skus.csv}");
    here.write("a.yml", &yaml);
    let check = ["check", "a.csv", "--partners", "a.yml"];
    let (code, text) = here.says(&check);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("partners.A.file.transform.look-ups.skus: skus.csv: No such file"),
        "{text}"
    );
    here.write("skus.csv", "From,to\nP1,0815\n");
    let receipt = here.json(&check);
    assert_eq!((&receipt["filtered"], &receipt["rejected"]), (&json!(1), &json!(0)), "{receipt}");
    here.write("skus.csv", "from,to\nP1,0815\nP1,0816\n");
    let (code, text) = here.says(&check);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("skus.csv: line 3: \"P1\" becomes another text above"), "{text}");
}
