//! Rules that compare a row with a list or with earlier rows.

use crate::support::{HEADER, Setting, plain};
use domain::partner::{Column, Duplicates};
use proptest::prelude::*;
use std::collections::HashSet;
use tabular::{Rule, Transform};

fn setting() -> Setting {
    let mut setting = plain();
    setting.format.columns.region = Some("region".into());
    setting.rules.customer_required = false;
    setting
}

/// Checks the results for rows `order,sku,customer,text,region`.
#[track_caller]
fn check(setting: &Setting, rows: &[&str], expected: &[&str]) {
    let mut file = "order,sku,customer,text,region,qty,price,date\n".to_owned();
    for row in rows {
        file += &format!("{row},1,2,2026-11-22 10:00:00\n");
    }
    let (part, _) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    let rejects = part.rejects.iter().map(|reject| {
        let column = reject.column.as_deref().unwrap_or_default();
        format!("{}: {} {column}: {}", reject.line, reject.rule, reject.reason)
    });
    assert_eq!(rejects.collect::<Vec<_>>(), expected);
    assert_eq!(part.batch.len() + part.rejects.len(), rows.len());
}

#[test]
fn what_is_required_is_named_by_its_column() {
    let mut setting = setting();
    setting.rules.required = vec![Column::Description, Column::CustomerId, Column::OrderId];
    check(
        &setting,
        &["1,P1,c1,x,GB", "2,P1, ,x,GB", "3,P1,c1, ,GB", ",P1,c1,x,"],
        &[
            "3: missing_customer customer: is empty",
            "4: missing_value text: is empty",
            "5: missing_order_id order: is empty",
        ],
    );
}

#[test]
fn only_values_of_the_list_are_accepted_and_an_empty_one_unless_it_is_required() {
    let mut setting = setting();
    let regions = ["GB", " DE ", "Île-de-France"].map(String::from).to_vec();
    setting.rules.values.insert(Column::Region, regions);
    let rows = ["1,P,c,x,GB", "2,P,c,x, DE ", "3,P,c,x,gb", "4,P,c,x,", "5,P,c,x,Île-de-France"];
    let wrong = "4: value_not_allowed region: \"gb\" is none of the 3 values allowed";
    check(&setting, &rows, &[wrong]);
    setting.rules.required = vec![Column::Region];
    check(&setting, &rows, &[wrong, "5: missing_value region: is empty"]);
    setting.rules.values.insert(Column::ProductId, vec!["Q".into()]);
    let wrong = "2: value_not_allowed sku: \"P\" is none of the 1 values allowed";
    check(&setting, &["1,P,c,x,GB"], &[wrong]);
}

#[test]
fn the_second_row_with_the_same_values_is_rejected_and_only_accepted_rows_count() {
    let mut setting = setting();
    setting.rules.required = vec![Column::Description];
    setting.rules.unique =
        vec![vec![Column::OrderId, Column::ProductId], vec![Column::Description, Column::Region]];
    check(
        &setting,
        &[
            "1,P1,c1,,GB", // Rejected, so its order and product are free.
            "1,P1,c1,x,GB",
            "1,P1,c1,x,GB", // Equal throughout.
            "1,P1,c1,y,GB",
            "1,P2,c1,y,GB", // The row before was rejected, so its text is free.
            "2,P1,c1,y,GB",
            "2,P1,c1,y,DE",
        ],
        &[
            "2: missing_value text: is empty",
            "4: duplicate : equals an earlier row",
            "5: not_unique order: has the same order, sku as an earlier row",
            "7: not_unique text: has the same text, region as an earlier row",
        ],
    );
    setting.rules.duplicates = Duplicates::Off;
    check(
        &setting,
        &["1,P1,c1,x,GB", "1,P1,c1,x,GB"],
        &["3: not_unique order: has the same order, sku as an earlier row"],
    );
}

#[test]
fn a_row_that_is_not_unique_does_not_change_the_profile() {
    let mut setting = plain();
    setting.rules.unique = vec![vec![Column::OrderId]];
    let rows = "A1,P5,5,2,22/11/2026,c,\nA1,P9,9,1,23/11/2026,c,\nA2,P6,6,2,22/11/2026,c,\n";
    let (_, summary) = setting.read([HEADER, rows].concat().as_bytes(), 9).unwrap();
    let range = |name: &str| {
        let column = summary.profile.iter().find(|column| column.column == name).unwrap();
        format!("{}..{}", column.min.as_deref().unwrap(), column.max.as_deref().unwrap())
    };
    assert_eq!((range("quantity"), range("product_id")), ("5..6".into(), "P5..P6".into()));
}

proptest! {
    #[test]
    fn unique_values_are_checked_whatever_goes_to_disk_and_however_the_file_is_read(
        rows in prop::collection::vec((0..5_u8, 0..5_u8, 0..3_u8), 0..120),
        seen_bytes_max in prop::sample::select(vec![0, 500, 1 << 20]),
        workers in prop::sample::select(vec![1, 2, 7]),
        block_bytes in prop::sample::select(vec![30, 333, 4 << 20]),
    ) {
        let mut setting = plain();
        setting.rules.duplicates = Duplicates::Off;
        setting.rules.unique = vec![
            vec![Column::OrderId, Column::ProductId],
            vec![Column::ProductId, Column::Quantity],
        ];
        setting.limits.seen_bytes_max = seen_bytes_max;
        setting.limits.workers = workers;
        setting.limits.block_bytes = block_bytes;
        let (mut orders, mut amounts) = (HashSet::new(), HashSet::new());
        let mut file = HEADER.to_owned();
        let mut expected = Vec::new();
        for (line, (order, product, quantity)) in (2..).zip(rows) {
            file += &format!("A{order},P{product},{},2,22/11/2026,c1,\n", quantity + 1);
            if orders.contains(&(order, product)) || amounts.contains(&(product, quantity)) {
                expected.push(line);
            } else {
                orders.insert((order, product));
                amounts.insert((product, quantity));
            }
        }
        let (part, _) = setting.read(file.as_bytes(), 50).unwrap();
        let lines: Vec<u64> = part.rejects.iter().map(|reject| reject.line).collect();
        prop_assert_eq!(lines, expected);
        prop_assert!(part.rejects.iter().all(|reject| reject.rule == Rule::NotUnique));
    }
}

#[test]
fn a_list_for_a_missing_column_is_refused() {
    let check = |change: &dyn Fn(&mut Setting), expected: &str| {
        let mut setting = plain();
        change(&mut setting);
        let made = Transform::new(&setting.format, &setting.rules, setting.zone, setting.limits);
        assert_eq!(made.unwrap_err().to_string(), expected);
    };
    check(
        &|s| s.rules.required = vec![Column::Region],
        "rules.required names region, but columns.region is not set",
    );
    check(
        &|s| drop(s.rules.values.insert(Column::Quantity, vec!["1".into()])),
        "rules.values.quantity is not allowed; lists are for product-id, description, region and \
         category",
    );
    check(
        &|s| s.rules.unique = vec![vec![]],
        "rules.unique has 1 sets of columns, one of them with 0; allowed are 4, with at least 1",
    );
}
