//! Rules that compare rows with lists, with each other and with tables, end to end.

use crate::support::{US3_HEADER, World, eventually, us3};
use intake::ledger::State;
use serde_json::json;

/// US3 with further settings of its rules and of its own.
async fn world(settings: &str, rules: &str) -> World {
    let from = "    currency: USD\n";
    World::with(from, &format!("{from}{settings}    rules: {{{rules}}}\n")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_what_is_unique_reject_rows_and_harm_their_orders() {
    let rules =
        "required: [category], values: {region: [east, west]}, unique: [[customer-id, category]]";
    let world = world("", rules).await;
    let rows = [
        us3("1", 1),
        us3("2", 1).replace("east", "East"),
        us3("3", 1).replace("toys", ""),
        // The same customer and category as order 1; the other line of order 4 is good by itself.
        us3("4", 1),
        us3("4", 1).replace("c1", "c4").replace("P001", "P002"),
        us3("5", 1).replace("c1", "c5"),
    ];
    let content = US3_HEADER.to_owned() + &rows.concat();
    let record = world.done(&world.put("US3", "a.csv", content.as_bytes())).await;
    assert_eq!((record.state, record.counts.rejected), (State::Done, 4));
    assert_eq!(world.orders().await.len(), 2);
    let rejects = world.text("US3", record.results.rejects.as_ref());
    let lines: Vec<&str> = rejects.lines().skip(1).collect();
    for (line, start) in lines.iter().zip([
        "3,region,value_not_allowed,\"\"\"East\"\" is none of the 2 values allowed\",",
        "4,category,missing_value,is empty,",
        "5,customer,not_unique,\"has the same customer, category as an earlier row\",",
        "6,,order_has_bad_line,order 4: another of its lines was rejected,",
    ]) {
        assert!(line.starts_with(start), "{line}, not {start}");
    }
    let receipt = world.receipt("US3", &record);
    assert_eq!(
        receipt["rejected_by_rule"],
        json!({"value_not_allowed": 1, "missing_value": 1, "not_unique": 1, "order_has_bad_line": 1})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn products_are_looked_up_in_tables_that_may_change_while_it_runs() {
    let tables = "    catalogue: catalogue.csv\n    product-ids: us3.csv\n";
    // Tables stand beside the partners' configuration, and are there before the function starts.
    let files = [
        ("catalogue.csv", "product_id,price,unit\nP001,1.50,piece\nP002,,\n"),
        ("us3.csv", "partner_product_id,product_id\nTOY-1,P001\nTOY-9,P009\n"),
    ];
    let from = "    currency: USD\n";
    let to = format!("{from}{tables}    rules: {{known-products: true}}\n");
    let world = World::with_tables(from, &to, &files).await;
    let row = |order: &str, product: &str| us3(order, 1).replace("P001", product);
    let rows = row("1", "TOY-1") + &row("2", "P002") + &row("3", "TOY-9") + &row("4", "X");
    let content = US3_HEADER.to_owned() + &rows;
    let record = world.done(&world.put("US3", "a.csv", content.as_bytes())).await;
    let receipt = world.receipt("US3", &record);
    assert_eq!(receipt["rejected_by_rule"], json!({"unknown_product_id": 2}));
    assert_eq!(receipt["examples"][0]["reason"], "\"TOY-9\" is no product that we know");
    let output = world.text("US3", record.results.output.as_ref());
    assert!(output.contains("\n1,P001,") && output.contains("\n2,P002,"), "{output}");

    let path = world.sshd.dir().join("catalogue.csv");
    std::fs::write(path, "product_id\nP001\nP009\nX\n").unwrap();
    let mut n = 0;
    let rules = eventually(async || {
        n += 1;
        let rows = row(&format!("{n}a"), "TOY-9") + &row(&format!("{n}b"), "P002");
        let content = US3_HEADER.to_owned() + &rows;
        let event = world.put("US3", &format!("b{n}.csv"), content.as_bytes());
        let record = world.done(&event).await;
        (record.counts.accepted == 1)
            .then(|| world.text("US3", record.results.rejects.as_ref()))
            .filter(|rejects| rejects.contains("P002"))
    })
    .await;
    assert!(rules.contains("unknown_product_id"), "{rules}");
}
