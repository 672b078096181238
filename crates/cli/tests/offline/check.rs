//! What would become of a file.

use crate::support::{Here, sample};
use serde_json::json;

#[test]
fn a_real_day_is_judged_as_the_pipeline_does() {
    let here = Here::new();
    let file = sample("US1/2011-12-09.csv");
    let (code, text) = here.says(&["check", &file, "--partner", "US1", "--rejects", "r.csv"]);
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("1632 rows: 617 accepted, 1015 rejected"), "{text}");
    assert!(text.contains("missing_customer") && text.contains("CustomerID"), "{text}");
    let rejects = here.read("r.csv");
    assert_eq!(rejects.lines().count(), 1_016);
    assert_eq!(rejects.lines().next(), Some("line,column,rule,reason,raw"));

    let receipt = here.json(&["check", &file, "--partner", "US1"]);
    assert_eq!(receipt["rejected_by_rule"], json!({"duplicate": 7, "missing_customer": 1_008}));
    assert_eq!(
        (&receipt["orders"]["placed"], &receipt["decision"]),
        (&json!(46), &json!("accepted"))
    );
    // Nothing was written but what was asked for.
    assert_eq!(std::fs::read_dir(here.dir.path()).unwrap().count(), 1);
}

#[test]
fn the_exit_code_tells_accepted_partly_accepted_and_refused_files_apart() {
    let here = Here::new();
    let header = "order_id,product_id,quantity,price,timestamp,customer,region,category\n";
    let good = "1,P1,1,1.50,2026-01-01 09:00:00,c,r,k\n";
    let bad = "2,P1,none,1.50,2026-01-01 09:00:00,c,r,k\n";
    for (name, content, expected) in [
        ("good.csv", format!("{header}{good}"), 0),
        ("partly.csv", format!("{header}{good}{bad}"), 6),
        ("wrong.csv", format!("{}{good}", header.replace("price", "cost")), 7),
        ("empty.csv", String::new(), 7),
    ] {
        here.write(name, content);
        let (code, text) = here.says(&["check", name, "--partner", "US3"]);
        assert_eq!(code, expected, "{name}: {text}");
    }
    let (_, text) = here.says(&["check", "wrong.csv", "--partner", "US3"]);
    assert!(text.contains("refused as a whole") && text.contains("price"), "{text}");
}

#[test]
fn what_would_come_of_a_file_is_written_to_be_looked_at() {
    let here = Here::new();
    let header = "order_id,product_id,quantity,price,timestamp,customer,region,category\n";
    let good = "1,P1,1,1.50,2026-01-01 09:00:00,c,r,k\n";
    here.write(
        "a.csv",
        format!("{header}{good}{header}2,P1,none,1.50,2026-01-01 09:00:00,c,r,k\n"),
    );
    let (code, text) = here.says(&["check", "a.csv", "--partner", "US3", "--output", "seen/of-a"]);
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("2 rows: 1 accepted, 1 rejected; the file has 4 lines"), "{text}");
    assert!(text.contains("the header is repeated in line 3: not counted as rows"), "{text}");
    let lines = |name: &str| here.read(&format!("seen/of-a/{name}")).lines().count();
    assert_eq!((lines("output.csv"), lines("rejects.csv"), lines("orders.jsonl")), (2, 2, 1));
    let order: serde_json::Value =
        serde_json::from_str(&here.read("seen/of-a/orders.jsonl")).unwrap();
    assert_eq!((&order["order_id"], &order["lines"][0]["quantity"]), (&json!("1"), &json!(1)));
    let receipt: serde_json::Value =
        serde_json::from_str(&here.read("seen/of-a/receipt.json")).unwrap();
    assert_eq!((&receipt["lines"], &receipt["found"]["header_again"]), (&json!(4), &json!([3])));
    // Of a file that cannot be read there is the receipt alone.
    here.write("b.csv", "x\n");
    assert_eq!(here.says(&["check", "b.csv", "--partner", "US3", "--output", "seen/of-b"]).0, 7);
    assert_eq!(std::fs::read_dir(here.path("seen/of-b")).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_checked_says_why() {
    let here = Here::new();
    here.write("a.csv", "x\n");
    here.write("bad.yml", "partners:\n  A: {currency: euro}\n");
    here.write("web.yml", "partners:\n  WEB: {currency: EUR}\n");
    for (args, code, expected) in [
        (&["check", "gone.csv", "--partner", "US1"][..], 1, "cannot read gone.csv"),
        (&["check", "a.csv", "--partner", "US9"], 4, "not found: partner US9"),
        (&["check", "a.csv"], 1, "say whose file it is with --partner"),
        (&["check", "a.csv", "--partners", "bad.yml"], 1, "partners.A.currency: is \"euro\""),
        (&["check", "a.csv", "--partners", "web.yml"], 1, "partner WEB has no file section"),
        (&["check", "a.csv", "--partners", "gone.yml"], 1, "cannot read gone.yml"),
        (&["check", ".", "--partner", "US1"], 1, "it is no file"),
    ] {
        let (found, text) = here.says(args);
        assert_eq!(found, code, "{args:?}: {text}");
        assert!(text.contains(expected), "{args:?}: {text}");
    }
}

#[test]
fn partners_are_listed_with_what_matters_of_them() {
    let here = Here::new();
    let (code, text) = here.says(&["list"]);
    assert_eq!(code, 0);
    let line = text.lines().find(|line| line.starts_with("US2")).unwrap();
    assert!(line.contains("EUR") && line.contains("';' windows-1252"), "{text}");
    assert_eq!(here.json(&["list"])["partners"]["US1"]["time-zone"], "Europe/London");
}

#[test]
fn a_sample_says_who_buys_and_which_sale_is_returned() {
    let here = Here::new();
    let (file, partners) = (sample("SHOP/orders.csv"), sample("SHOP/partners.yml"));
    let args = ["check", &file, "--partners", &partners, "--output", "seen"];
    let (code, text) = here.says(&args);
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("7 rows: 4 accepted, 3 rejected"), "{text}");
    let orders = here.read("seen/orders.jsonl");
    let orders: Vec<serde_json::Value> =
        orders.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        orders[0]["customer"],
        json!({"id": "17850", "name": "Ana López", "email": "ana@example.org", "phone": "+33612345678",
            "billing": {"lines": ["1 rue de la Paix", "Bât. B"], "postal_code": "75002", "city": "Paris",
                "country": "FR"},
            "delivery": {"lines": ["Quai 4"], "city": "Lyon", "country": "FR"}})
    );
    assert_eq!(orders[1]["customer"].get("id"), None);
    assert_eq!(orders[2]["returns"], "S-1001");
    let rejects = here.read("seen/rejects.csv");
    assert!(
        rejects.contains("5,Phone,bad_phone,") && rejects.contains("order_persons_differ"),
        "{rejects}"
    );
}
