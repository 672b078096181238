//! The sample files, from the inbox to the orders.

use crate::support::{World, sample};
use intake::ledger::{Outcome, Record, State};
use messaging::streams;
use serde_json::json;

fn tag(stem: &str, record: &Record) -> String {
    let short: String = record.sha256.as_ref().unwrap().chars().take(8).collect();
    format!("{stem}.20260102T080000Z-{short}")
}

#[tokio::test(flavor = "multi_thread")]
async fn us1_a_real_day() {
    let world = World::start().await;
    let content = sample("US1/2011-12-09.csv");
    let event = world.put("US1", "2011-12-09.csv", &content);
    let record = world.done(&event).await;
    let counts = record.counts;
    assert_eq!(
        (counts.rows, counts.accepted, counts.rejected, counts.orders),
        (1_632, 617, 1_015, 46)
    );
    assert_eq!((record.state, record.outcome.as_ref()), (State::Done, Some(&Outcome::Accepted)));
    let tag = tag("2011-12-09", &record);
    let archived = format!("archive/2026-01-02/{tag}.csv");
    assert_eq!(
        world.names("US1"),
        [
            archived.clone(),
            format!("depot/{tag}.output.csv"),
            format!("depot/{tag}.receipt.csv"),
            format!("depot/{tag}.receipt.json"),
            format!("depot/{tag}.rejects.csv"),
        ]
    );
    assert_eq!(world.files("US1")[&archived], content);

    let output = world.text("US1", record.results.output.as_ref());
    assert_eq!(output.lines().count(), 618);
    assert_eq!(
        output.lines().nth(1).unwrap(),
        "581475,22596,CHRISTMAS STAR WISH LIST CHALKBOARD,36,0.39,2011-12-09T08:39:00Z,13069,United Kingdom,"
    );
    let rejects = world.text("US1", record.results.rejects.as_ref());
    assert_eq!(rejects.lines().count(), 1_016);
    assert!(rejects.contains("CustomerID,missing_customer,"), "{rejects}");

    let orders = world.messages(streams::INTAKE, "orders").await;
    assert_eq!(orders.len(), 46);
    let sha256 = record.sha256.as_ref().unwrap();
    let (_, first) = &orders[0];
    assert_eq!(first["id"], format!("{sha256}:581475"));
    assert_eq!((&first["partner"], &first["file"]), (&json!("US1"), &json!(sha256)));
    assert_eq!(first["type"], "orderflow.order.received.v1");
    let data = &first["data"];
    assert_eq!((&data["currency"], &data["region"]), (&json!("GBP"), &json!("United Kingdom")));
    assert_eq!(data["timestamp"], "2011-12-09T08:39:00Z");
    assert_eq!(data["lines"][0]["product_id"], "22596");
    let lines: usize =
        orders.iter().map(|(_, o)| o["data"]["lines"].as_array().unwrap().len()).sum();
    assert_eq!(lines, 617);

    let told = world.messages(streams::FILES, "files.transformed.>").await;
    let [(subject, told)] = &told[..] else { panic!("told once") };
    assert_eq!(*subject, format!("files.transformed.US1.{}", record.arrival));
    assert_eq!(
        (&told["type"], &told["data"]["counts"]["orders"]),
        (&json!("orderflow.file.transformed.v1"), &json!(46))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_of_a_real_day() {
    let world = World::start().await;
    let content = sample("US1/2011-12-09.csv");
    let record = world.done(&world.put("US1", "2011-12-09.csv", &content)).await;
    let (sha256, tag) = (record.sha256.as_ref().unwrap(), tag("2011-12-09", &record));
    let mut receipt = world.receipt("US1", &record);
    assert_eq!(receipt["rejected_by_rule"], json!({"duplicate": 7, "missing_customer": 1_008}));
    // Three of each rule.
    assert_eq!(receipt["examples"].as_array().unwrap().len(), 6);
    assert!(receipt["columns"].as_array().is_some_and(|columns| !columns.is_empty()));
    for name in ["examples", "columns", "rejected_by_rule"] {
        receipt.as_object_mut().unwrap().remove(name);
    }
    let orders = receipt["orders"].take();
    assert_eq!(
        (&orders["placed"], &orders["rejected"], &orders["currency"]),
        // 581492, 581497 and 581498 have a customer in no row.
        (&json!(46), &json!(3), &json!("GBP"))
    );
    receipt.as_object_mut().unwrap().remove("orders");
    assert_eq!(
        receipt,
        json!({"partner": "US1", "file": "2011-12-09.csv", "arrival": record.arrival,
            "size": content.len(), "sha256": sha256, "arrived_at": "2026-01-02T08:00:00Z",
            "decision": "accepted", "lines": 1_633, "rows": 1_632, "accepted": 617, "rejected": 1_015,
            "format": {"delimiter": ",", "encoding": "utf-8", "decimal_mark": ".",
                "dates": ["%Y-%m-%d %H:%M:%S"], "time_zone": "Europe/London"},
            "found": {"encoding": "UTF-8", "bom": false, "delimiter": ",", "sep_line": false,
                "header_line": 1, "columns": {"order-id": "InvoiceNo", "product-id": "StockCode",
                "quantity": "Quantity", "unit-price": "UnitPrice", "ordered-at": "InvoiceDate",
                "customer-id": "CustomerID", "description": "Description", "region": "Country"}},
            "results": {"output": format!("depot/{tag}.output.csv"),
                "rejects": format!("depot/{tag}.rejects.csv"),
                "receipt": format!("depot/{tag}.receipt.json"),
                "receipt_csv": format!("depot/{tag}.receipt.csv"), "original": format!("archive/2026-01-02/{tag}.csv")}})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_for_a_spreadsheet() {
    let world = World::start().await;
    let content = sample("US1/2011-12-09.csv");
    let record = world.done(&world.put("US1", "2011-12-09.csv", &content)).await;
    let table = world.text("US1", record.results.receipt_csv.as_ref());
    let receipt = world.receipt("US1", &record);
    for (what, value) in [
        ("decision", "accepted".to_owned()),
        ("rows", "1632".to_owned()),
        ("delimiter", "\",\"".to_owned()),
        ("rejected: missing_customer", "1008".to_owned()),
        ("orders sent on", "46".to_owned()),
        // Below zero, and a number all the same.
        ("returns total", receipt["orders"]["returns_total"].as_str().unwrap().to_owned()),
    ] {
        let line = table.lines().find(|line| line.starts_with(&format!("{what},")));
        assert!(line.is_some_and(|line| line.starts_with(&format!("{what},{value},"))), "{table}");
    }
    assert!(
        table.lines().any(|line| line == "column customer_id,\"617 filled, 0 empty\","),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn us2_semicolons_windows_1252_and_decimal_commas() {
    let world = World::start().await;
    let event = world.put("US2", "orders.csv", &sample("US2/orders.csv"));
    let record = world.done(&event).await;
    let rejects = world.text("US2", record.results.rejects.as_ref());
    let lines: Vec<_> = rejects.lines().collect();
    assert_eq!(
        lines,
        [
            "line,column,rule,reason,raw",
            "8,,order_has_bad_line,order CMD-2044: another of its lines was rejected,\
             \"CMD-2044;VIN-RGE;Vin rouge, cœur de gamme;6;8.40;2026-11-08T07:30:00Z;François Lefèvre;France;Boissons\"",
            lines[2],
            lines[3],
        ]
    );
    assert!(
        lines[2].starts_with("9,Quantité,bad_quantity,") && lines[2].contains("deux"),
        "{rejects}"
    );
    assert!(
        lines[3].starts_with("11,Date,bad_date,") && lines[3].contains("31/11/2026"),
        "{rejects}"
    );
    let orders = world.messages(streams::INTAKE, "orders").await;
    let ids: Vec<_> = orders.iter().map(|(_, event)| event["data"]["order_id"].clone()).collect();
    assert_eq!(ids, ["CMD-2041", "CMD-2042", "CMD-2043", "CMD-2045", "CMD-2047"]);
    let order = &orders[3].1["data"];
    assert_eq!(order["customer"]["id"], "Zoë Núñez");
    assert_eq!(order["lines"][0]["description"], "Savon \"Provence\" à 5 €");
    assert_eq!(order["timestamp"], "2026-11-08T10:47:00Z");
    let receipt = world.receipt("US2", &record);
    assert_eq!(
        (&receipt["rows"], &receipt["accepted"], &receipt["orders"]["rejected"]),
        // CMD-2044 for one of two lines, CMD-2046 for the only one.
        (&json!(12), &json!(9), &json!(2))
    );
    assert_eq!(
        (&receipt["format"]["encoding"], &receipt["orders"]["currency"]),
        (&json!("windows-1252"), &json!("EUR"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn us3_one_product_per_order() {
    let world = World::start().await;
    let event = world.put("US3", "orders.csv", &sample("US3/orders.csv"));
    let record = world.done(&event).await;
    let rejects = world.text("US3", record.results.rejects.as_ref());
    let lines: Vec<_> = rejects.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].starts_with("8,quantity,unclosed_quote,"), "{rejects}");
    assert!(lines[1].contains("ORD-1007"), "{rejects}");
    let orders = world.messages(streams::INTAKE, "orders").await;
    // An unknown product is no matter of the file.
    assert_eq!(orders.len(), 9);
    assert_eq!(orders[0].1["data"]["lines"][0]["unit_price"], json!("19.99"));
    assert_eq!((record.counts.rows, record.counts.orders), (10, 9));
}
