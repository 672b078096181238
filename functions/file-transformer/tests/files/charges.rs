//! Files whose orders have shipping, discounts and tax.

use crate::support::World;
use intake::ledger::State;
use messaging::streams;
use serde_json::{Value, json};

const FROM: &str = "        category: category\n";

/// US3 with further settings of its file.
async fn world(settings: &str) -> World {
    World::with(FROM, &format!("{FROM}{settings}    rules: {{price-positive: false}}\n")).await
}

/// The data of the orders that were published.
async fn orders(world: &World) -> Vec<Value> {
    let orders = world.messages(streams::INTAKE, "orders").await;
    orders.into_iter().map(|(_, event)| event["data"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_charges_are_part_of_their_order() {
    let world = world("      charges: {SHIPPING: shipping, DISCOUNT: discount, TAX: tax}\n").await;
    let row = |order: &str, product: &str, quantity: &str, price: &str| {
        format!("{order},{product},{quantity},{price},2026-03-01 09:00:00,c1,east,toys\n")
    };
    let rows = [
        row("V1", "A1", "2", "10.00"),
        row("V1", "SHIPPING", "", "4.90"),
        row("V1", "DISCOUNT", "1", "-5.00"),
        row("V1", "TAX", "1", "3.97"),
        // A product may be free; a product with a price below zero is no discount.
        row("V2", "A2", "1", "0.00"),
        row("V3", "A1", "1", "-1.00"),
        row("V4", "SHIPPING", "1", "4.90"),
        row("V5", "A1", "1", "3.00"),
        row("V5", "DISCOUNT", "1", "3.01"),
    ];
    let header = crate::support::US3_HEADER;
    let event = world.put("US3", "a.csv", [header, &rows.concat()].concat().as_bytes());
    let record = world.done(&event).await;
    assert_eq!((record.state, record.counts.orders), (State::Done, 2));
    let receipt = world.receipt("US3", &record);
    assert_eq!(
        receipt["rejected_by_rule"],
        json!({"negative_price": 1, "order_without_lines": 1, "order_charges_wrong": 2})
    );
    let told = &receipt["orders"];
    assert_eq!((&told["sales_total"], &told["sales"]), (&json!("19.90"), &json!(2)));
    assert_eq!(told["charges"], json!({"shipping": "4.90", "discount": "-5.00"}));
    let table = world.text("US3", record.results.receipt_csv.as_ref());
    assert!(table.contains("\ncharges: shipping,4.90,USD\n"), "{table}");
    let orders = orders(&world).await;
    assert_eq!(orders[0]["lines"].as_array().unwrap().len(), 1);
    assert_eq!(
        orders[0]["charges"],
        json!([{"kind": "shipping", "description": "SHIPPING", "amount": "4.90"},
            {"kind": "discount", "description": "DISCOUNT", "amount": "-5.00"}])
    );
    assert_eq!(orders[0]["tax_given"], "3.97");
    assert_eq!(orders[1].get("charges"), None);
    // The published order can be placed, and its total is that of the receipt.
    let draft = domain::raw::read(&orders[0], None).unwrap();
    assert_eq!(draft.total.to_string(), "19.90");
    let output = world.text("US3", record.results.output.as_ref());
    let lines: Vec<&str> = output.lines().collect();
    assert!(
        lines[0]
            .ends_with(",category,charge,line_discount,tax_category,shipping,discount,tax_given")
    );
    assert_eq!(lines[2], "V1,SHIPPING,,1,4.90,2026-03-01T14:00:00Z,c1,east,toys,shipping,,,,,");
    let rejects = world.text("US3", record.results.rejects.as_ref());
    let why = "order V5: a discount makes its amount larger";
    assert!(rejects.contains(why), "{rejects}");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_the_whole_order_count_once_and_agree() {
    let columns = "        shipping: ship\n        discount: off\n        tax-given: tax\n        \
                   line-discount: rebate\n        tax-category: class\n";
    let world = world(columns).await;
    let header = "order_id,product_id,quantity,price,timestamp,customer,region,category,ship,off,\
                  tax,rebate,class\n";
    let row = |order: &str, product: &str, quantity: i64, rest: &str| {
        format!("{order},{product},{quantity},10.00,2026-03-01 09:00:00,c1,east,toys,{rest}\n")
    };
    let rows = [
        // In each row, in one only, and nothing.
        row("1", "P1", 1, "4.90,1.00,2.00,,standard"),
        row("1", "P2", 1, "4.90,1.00,2.00,0.50,reduced"),
        row("2", "P1", 2, "4.90,-1.00,,,"),
        row("2", "P2", 1, ",,,,"),
        row("3", "P1", 1, "0,0,0,0,"),
        row("4", "P1", -1, ",2.00,,1.00,"),
        // Two of the same order that differ, a discount of more than the line, and no amount.
        row("5", "P1", 1, "4.90,,,,"),
        row("5", "P2", 1, "5.90,,,,"),
        row("6", "P1", 1, ",,,10.01,"),
        row("7", "P1", 1, "free,,,,"),
        row("8", "P1", 1, ",11.00,,,"),
    ];
    let event = world.put("US3", "a.csv", [header, &rows.concat()].concat().as_bytes());
    let record = world.done(&event).await;
    let receipt = world.receipt("US3", &record);
    assert_eq!(
        receipt["rejected_by_rule"],
        json!({"bad_discount": 1, "bad_price": 1, "order_values_differ": 2, "order_charges_wrong": 1})
    );
    let orders = orders(&world).await;
    let totals: Vec<String> = orders
        .iter()
        .map(|order| domain::raw::read(order, None).unwrap().total.to_string())
        .collect();
    assert_eq!(totals, ["23.40", "33.90", "10.00", "-7.00"]);
    assert_eq!(
        orders[0]["charges"],
        json!([{"kind": "shipping", "amount": "4.90"}, {"kind": "discount", "amount": "-1.00"}])
    );
    assert_eq!(orders[0]["tax_given"], "2.00");
    assert_eq!(orders[0]["lines"][1]["discount"], "0.50");
    assert_eq!(orders[0]["lines"][1]["tax_category"], "reduced");
    assert_eq!(orders[2].get("charges"), None);
    assert_eq!(orders[3]["charges"], json!([{"kind": "discount", "amount": "2.00"}]));
    let told = &receipt["orders"];
    assert_eq!((&told["sales_total"], &told["returns_total"]), (&json!("67.30"), &json!("-7.00")));
}
