//! The results of a partner's transform.

mod refused;

use crate::support::{Setting, plain};
use domain::partner::{Column as Role, LookUp, Names, Transform as Made};
use proptest::prelude::*;
use std::sync::Arc;
use tabular::{Limits, Transform};

const HEADER: &str = "order,sku,qty,cents,day,time,customer,text,kind,status\n";

/// A setting with computed columns and a filter.
pub(crate) fn made(columns: &[(Role, &str)], condition: Option<&str>) -> Setting {
    let mut setting = plain();
    setting.format.columns.unit_price = "cents".into();
    setting.format.columns.ordered_at = "day".into();
    for (role, _) in columns {
        let columns = &mut setting.format.columns;
        match role {
            Role::OrderId => columns.order_id = Names::default(),
            Role::ProductId => columns.product_id = Names::default(),
            Role::Quantity => columns.quantity = Names::default(),
            Role::UnitPrice => columns.unit_price = Names::default(),
            Role::OrderedAt => columns.ordered_at = Names::default(),
            Role::CustomerId => columns.customer_id = None,
            Role::Description => columns.description = None,
            _ => {}
        }
    }
    setting.format.dates = vec!["%Y-%m-%d %H:%M".into(), "%Y-%m-%d".into()];
    let columns = columns.iter().map(|(role, sql)| (*role, (*sql).to_owned())).collect();
    let condition = condition.map(str::to_owned);
    let skus = [("0815", "P1"), ("4711", "P2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let look_ups = [("skus".to_owned(), LookUp::Table(Arc::new(skus.into())))].into();
    setting.format.transform = Some(Made { columns, condition, look_ups });
    setting
}

#[track_caller]
fn check(setting: &Setting, rows: &str, expected: &[&str]) {
    let file = format!("{HEADER}{rows}");
    assert_eq!(setting.outcome(file.as_bytes()), expected, "for {rows:?}");
}

/// Checks the result of `sql` for the texts a, b and c, or the reason why it fails.
#[track_caller]
fn makes(sql: &str, (a, b, c): (&str, &str, &str), expected: &str) {
    let mut setting = made(&[(Role::Description, sql)], None);
    setting.format.columns.unit_price = "price".into();
    setting.format.decimal_mark = ',';
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["order", "sku", "qty", "price", "day", "customer", "a", "b", "c"]).unwrap();
    file.write_record(["A1", "P1", "1", "2", "2026-11-22", "c1", a, b, c]).unwrap();
    let (part, _) = setting.read(&file.into_inner().unwrap(), usize::MAX).unwrap();
    let row = part.batch.rows().next().map(|row| row.description.to_owned());
    let reject = || part.rejects.first().map(|r| format!("{}: {}", r.rule, r.reason));
    assert_eq!(row.or_else(reject).as_deref(), Some(expected), "{sql} of {a:?} {b:?} {c:?}");
}

#[test]
fn a_column_is_computed_from_several() {
    let setting = made(
        &[
            (Role::OrderedAt, "day || ' ' || time"),
            (Role::Quantity, "CASE WHEN kind = 'refund' THEN '-' || qty ELSE qty END"),
            (Role::UnitPrice, "CAST(cents AS DECIMAL(18,4)) / 100"),
            (Role::ProductId, "COALESCE(LOOKUP('skus', sku), sku)"),
        ],
        Some("status <> 'cancelled'"),
    );
    check(
        &setting,
        "A1,0815,2,1250,2026-11-22,10:15,c1,\"say \"\"hi\"\"\",sale,paid\n\
         A2,P9,2,99,2026-11-22,10:15,c1,x,refund,paid\n\
         A3,4711,2,1250,2026-11-22,10:15,c1,x,sale,cancelled\n\
         A4,4711,2,abc,2026-11-22,10:15,c1,x,sale,\n\
         A5,4711,2,1,2026-11-22,25:15,c1,x,sale,\n\
         A6,,2,1,2026-11-22,25:15,c1,x,sale,\n\
         A7,x\n",
        &[
            "2: A1 P1 x2 12.50 c1 [say \"hi\"]",
            "3: A2 P9 x-2 0.99 c1 [x]",
            "5: transform_failed unit-price (by transform)",
            "6: bad_date ordered-at (by transform)",
            "7: missing_product_id product-id (by transform)",
            "8: too_few_fields",
        ],
    );
}

#[test]
fn a_reject_says_what_failed_in_which_order() {
    let setting = made(&[(Role::UnitPrice, "CAST(cents AS DECIMAL) / CAST(qty AS INTEGER)")], None);
    let file = format!("{HEADER}A1,P1,0,5,2026-11-22,,c1,x,,\n");
    let (part, summary) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    let reject = &part.rejects[0];
    assert_eq!(reject.reason, "a division by zero");
    assert_eq!(reject.order_id.as_deref(), Some("A1"));
    assert_eq!(reject.raw, b"A1,P1,0,5,2026-11-22,,c1,x,,");
    assert_eq!(summary.detected.columns["unit-price"], "unit-price (by transform)");
    // A computed order id is known for rejects as well.
    let setting = made(&[(Role::OrderId, "'N' || \"order\"")], Some("CAST(qty AS INTEGER) > 0"));
    let file = format!("{HEADER}7,P1,x,5,2026-11-22,,c1,x,,\n8,P1,1,\"5\n");
    let (part, _) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    assert_eq!(part.rejects[0].order_id.as_deref(), Some("N7"));
    assert_eq!(part.rejects[0].column.as_deref(), Some("where (by transform)"));
    assert_eq!(part.rejects[0].reason, "\"x\" is not a number");
    assert_eq!(part.rejects[1].order_id, None, "of a broken record nothing is made");
}

#[test]
fn rows_for_which_the_filter_is_not_true_are_left_out() {
    let rows = "A1,P1,1,5,2026-11-22,,c1,x,,paid\nA2,P1,1,5,2026-11-22,,c1,x,,\n";
    for (condition, kept) in [
        ("status <> 'cancelled'", vec!["A1", "A2"]),
        ("status = 'paid'", vec!["A1"]),
        ("NULLIF(status, '') <> 'cancelled'", vec!["A1"]),
        ("NULLIF(status, '') IS NULL", vec!["A2"]),
        ("false", vec![]),
        ("status IN ('paid', 'sent') OR \"order\" LIKE '%2'", vec!["A1", "A2"]),
        ("NOT (status = 'paid' AND kind = '')", vec!["A2"]),
    ] {
        let setting = made(&[], Some(condition));
        let (part, summary) =
            setting.read(format!("{HEADER}{rows}").as_bytes(), usize::MAX).unwrap();
        let orders: Vec<_> = part.batch.rows().map(|row| row.order_id).collect();
        assert_eq!(orders, kept, "{condition}");
        assert_eq!(summary.rows, 2);
        // These are not rejects.
        assert_eq!((summary.filtered, summary.rejected()), (2 - kept.len() as u64, 0));
    }
}

#[test]
fn rows_that_continue_an_order_that_is_left_out_are_left_out() {
    let mut setting = made(&[], Some("status <> 'cancelled'"));
    setting.format.continued_rows = true;
    check(
        &setting,
        "A1,P1,1,5,2026-11-22,,c1,x,,cancelled\n,P2,1,5,,,,x,,\nA1,P3,1,5,,,,x,,\n\
         A2,P1,1,5,2026-11-22,,c2,x,,paid\n,P2,1,5,,,,x,,\n",
        &["5: A2 P1 x1 5.00 c2 [x]", "6: A2 P2 x1 5.00 c2 [x]"],
    );
}

#[test]
fn a_date_that_is_made_is_inherited() {
    let mut setting = made(&[(Role::OrderedAt, "day || ' ' || time")], None);
    setting.format.continued_rows = true;
    check(
        &setting,
        "A1,P1,1,5,2026-11-22,10:15,c1,x,,\n,P2,1,5,,,,x,,\n",
        &["2: A1 P1 x1 5.00 c1 [x]", "3: A1 P2 x1 5.00 c1 [x]"],
    );
}

#[test]
fn texts_are_made_as_in_sql() {
    let abc = ("Ab", " x ", "1,50");
    for (sql, expected) in [
        ("a || '-' || b", "Ab-x"),
        ("UPPER(a) || LOWER(a) || LENGTH(a)", "ABab2"),
        ("SUBSTRING(a FROM 2 FOR 1) || SUBSTR(a, 1, 1) || RIGHT(a, 1)", "bAb"),
        ("LPAD(a, 4, '0') || RPAD(TRIM(b), 3, '.')", "00Abx.."),
        ("REPLACE(SPLIT_PART(c, ',', 2), '5', 'five')", "five0"),
        ("CONCAT(NULLIF(a, 'Ab'), a, 1.50)", "Ab1,5"),
        ("CASE a WHEN 'x' THEN 'one' WHEN 'Ab' THEN 'two' END", "two"),
        ("CASE WHEN a LIKE 'a%' THEN '1' WHEN a ILIKE 'a_' THEN '2' ELSE '3' END", "2"),
        ("CASE WHEN a BETWEEN 'A' AND 'B' THEN 'in' ELSE 'out' END", "in"),
        ("CASE WHEN a NOT IN ('x', 'y') AND a IS NOT NULL THEN 'no' END", "no"),
        ("'it''s ' || a", "it's Ab"),
        ("LOOKUP('skus', '0815')", "P1"),
        ("COALESCE(LOOKUP('skus', a), NULL, '?' || a)", "?Ab"),
        ("NULLIF(a, 'Ab') || 'x'", ""),
    ] {
        makes(sql, abc, expected);
    }
}

#[test]
fn numbers_are_exact_and_as_the_partner_writes_them() {
    let abc = ("19,99", "3", "");
    for (sql, expected) in [
        ("CAST(a AS DECIMAL(18,2)) * CAST(b AS INTEGER)", "59,97"),
        ("CAST(a AS DECIMAL) + 0.01 - 1", "19"),
        ("ROUND(CAST(a AS DECIMAL(18,2)) / 3, 4)", "6,6633"),
        ("CAST(b AS INTEGER) / 7", "0,42857143"),
        ("ROUND(CAST(a AS DECIMAL(18,2)) * 1.19, 2)", "23,79"),
        ("-ABS(0 - CAST(b AS INTEGER))", "-3"),
        ("CAST(CAST(b AS INTEGER) AS DECIMAL(18,2)) * 0.5", "1,5"),
        ("CASE WHEN CAST(a AS DECIMAL(18,2)) >= 19.990 THEN 1 ELSE 2.5 END", "1"),
        ("COALESCE(CAST(NULLIF(c, '') AS DECIMAL), CAST(b AS INTEGER) + 0.125)", "3,125"),
        ("CAST(b AS TEXT) || CAST(CAST(b AS INTEGER) AS TEXT)", "33"),
        ("a::DECIMAL(18,2) * -1", "-19,99"),
    ] {
        makes(sql, abc, expected);
    }
    for (sql, expected) in [
        ("CAST(a AS INTEGER)", "\"19,99\" has more than 0 decimal places"),
        ("CAST(c AS DECIMAL)", "\"\" is not a number"),
        ("CAST(b AS INTEGER) / (CAST(b AS INTEGER) - 3)", "a division by zero"),
        (
            "999999999999999999 * CAST(b AS INTEGER) * 9",
            "a number is larger than can be calculated",
        ),
        ("CAST(1000 AS DECIMAL(5,2))", "a number is larger than can be calculated"),
        ("CAST('1000' AS DECIMAL(5,2))", "\"1000\" has more than 3 digits before the decimal mark"),
        ("SUBSTR(a, 1, CAST(b AS INTEGER) - 4)", "a length below zero"),
    ] {
        let reason = match expected {
            "a number is larger than can be calculated" => format!("{expected} with"),
            _ => expected.to_owned(),
        };
        makes(sql, abc, &format!("transform_failed: {reason}"));
    }
}

#[test]
fn parts_that_are_not_evaluated_cannot_fail() {
    let abc = ("abc", "3", "");
    for (sql, expected) in [
        ("CASE WHEN b = '3' THEN 'ok' ELSE CAST(CAST(a AS INTEGER) AS TEXT) END", "ok"),
        ("CASE WHEN b = '3' THEN 'ok' WHEN CAST(a AS INTEGER) > 1 THEN 'no' END", "ok"),
        ("CASE WHEN b = '4' AND CAST(a AS INTEGER) > 1 THEN 'no' ELSE 'ok' END", "ok"),
        ("CASE WHEN b = '3' OR CAST(a AS INTEGER) > 1 THEN 'ok' END", "ok"),
        ("COALESCE(b, CAST(CAST(a AS INTEGER) AS TEXT))", "3"),
        (
            "CASE WHEN CAST(a AS INTEGER) > 1 THEN 'no' ELSE 'no' END",
            "transform_failed: \"abc\" is not a number",
        ),
    ] {
        makes(sql, abc, expected);
    }
}

/// More rows than are evaluated at once.
#[test]
fn computed_values_belong_to_their_rows() {
    let setting = made(&[(Role::Region, "CAST(cents AS INTEGER) * 2")], Some("kind <> 'x'"));
    let row = |n: usize| {
        let cents = if n.is_multiple_of(997) { "?".to_owned() } else { (n + 1).to_string() };
        let kind = if n.is_multiple_of(89) { "x" } else { "" };
        format!("A{n},P1,1,{cents},2026-11-22,,c1,x,{kind},\n")
    };
    let file = HEADER.to_owned() + &(0..4_000).map(row).collect::<String>();
    let (part, _) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    let mut rows = part.batch.rows();
    let mut rejects = part.rejects.iter();
    for n in 0..4_000_usize {
        let rule = match n {
            _ if n.is_multiple_of(89) => continue,
            _ if n.is_multiple_of(997) => "transform_failed",
            _ => {
                assert_eq!(rows.next().unwrap().region, ((n + 1) * 2).to_string());
                continue;
            }
        };
        let reject = rejects.next().unwrap();
        assert_eq!((reject.line, reject.rule.code()), (n as u64 + 2, rule));
    }
}

/// The readers are threads already.
#[test]
fn polars_starts_no_threads() {
    let mut setting = made(&[(Role::Region, "UPPER(kind) || qty")], Some("status = ''"));
    (setting.limits.workers, setting.limits.block_bytes) = (2, 1 << 10);
    let file = HEADER.to_owned() + &"A1,P1,1,5,2026-11-22,,c1,x,b,\n".repeat(5_000);
    let (_, summary) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    assert_eq!(summary.rows, 5_000);
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    let names: Vec<String> = names.collect();
    assert!(!names.is_empty() && !names.iter().any(|name| name.starts_with("polars")), "{names:?}");
}

fn row() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0..9_u8, "[0-9x]{0,2}", "[a-c ]{0,3}", prop::bool::ANY).prop_map(|(n, qty, text, paid)| {
            let status = if paid { "paid" } else { "cancelled" };
            format!("A{n},P{n},{qty},{n}5,2026-11-22,10:1{n},c1,{text},refund,{status}\n")
        }),
        1 => prop::sample::select(vec![
            ",P1,1,5,,,,x,,\n", "A1,P1,\"1\n", "\n", "A1,\"P\"\"1\",1,5,2026-11-22,10:00,c1,\"a\nb\",,\n",
            "A1,P1,1\n", "é\n", "\"A1\",P1,1,5,2026-11-22,10:00,c1,\"\",,paid\r\n",
        ]).prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn any_number_of_workers_and_any_size_of_blocks_make_the_same(
        rows in prop::collection::vec(row(), 0..30),
        block_bytes in prop::sample::select(vec![1, 7, 64, 100, 333, 4 << 20]),
        workers in prop::sample::select(vec![1, 2, 7]),
        continued_rows in any::<bool>(),
    ) {
        let mut setting = made(
            &[
                (Role::OrderedAt, "day || ' ' || time"),
                (Role::Quantity, "CASE WHEN kind = 'refund' THEN '-' || qty ELSE qty END"),
                (Role::UnitPrice, "CAST(cents AS DECIMAL) / CAST(qty AS INTEGER)"),
                (Role::ProductId, "sku || NULLIF(TRIM(text), '')"),
            ],
            Some("status <> 'cancelled' OR CAST(qty AS INTEGER) > 5"),
        );
        setting.format.continued_rows = continued_rows;
        let file = [HEADER.as_bytes(), rows.concat().as_bytes()].concat();
        let whole = setting.read(&file, usize::MAX);
        setting.limits.block_bytes = block_bytes;
        setting.limits.workers = workers;
        prop_assert_eq!(&setting.read(&file, usize::MAX), &whole);
        prop_assert_eq!(&setting.read(&file, 50), &whole);
    }

    #[test]
    fn any_text_is_an_expression_or_is_refused(sql in "[a-z0-9 '\"(),.|+*/=<>-]{0,60}|\\PC{0,30}") {
        let setting = made(&[(Role::Region, &sql)], None);
        _ = Transform::new(&setting.format, &setting.rules, "UTC", Limits::default());
    }
}
