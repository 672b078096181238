//! Expressions and configurations that are refused.

use super::{HEADER, made, makes};
use crate::support::Setting;
use domain::partner::{Column as Role, Names};
use tabular::{FileError, Limits, Transform};

/// Checks why `sql` cannot compute the column.
#[track_caller]
fn refused(role: Role, sql: &str, expected: &str) {
    let setting = made(&[(role, sql)], None);
    let made = Transform::new(&setting.format, &setting.rules, "UTC", Limits::default());
    let error = made.unwrap_err().to_string();
    let place = format!("transform.columns.{} ", role.key());
    let rest = error.strip_prefix(&place).unwrap_or_else(|| panic!("{error}"));
    let reason = rest.strip_suffix(&format!("; the expression is {sql:?}"));
    let reason = reason.unwrap_or_else(|| panic!("{error}"));
    assert!(reason.contains(expected), "{sql}: {reason}");
}

#[test]
fn expressions_over_several_rows_are_refused() {
    for sql in [
        "SUM(qty)",
        "COUNT(*)",
        "MAX(day) OVER (PARTITION BY \"order\")",
        "ROW_NUMBER() OVER ()",
        "LAG(day)",
        "STRING_AGG(day, ',' ORDER BY day)",
        "UPPER(DISTINCT day)",
        "UPPER(day) FILTER (WHERE true)",
        "UPPER(day) OVER ()",
        "NOW()",
        "CURRENT_TIMESTAMP",
        "CURRENT_DATE",
        "RANDOM()",
        "UUID()",
        "(SELECT day FROM orders)",
        "EXISTS (SELECT 1)",
        "day IN (SELECT day FROM x)",
        "UNNEST(day)",
        "pg_sleep(day)",
        "public.UPPER(day)",
        "x.day",
        "day[1]",
        "ARRAY[day]",
        "ROW(day, time)",
        "INTERVAL '1 day'",
        "EXTRACT(YEAR FROM day)",
        "day AT TIME ZONE 'UTC'",
        "day COLLATE \"C\"",
        "day ~ 'x'",
        "day SIMILAR TO 'x'",
        "TRY_CAST(day AS INTEGER)",
        "day -> 'x'",
        "*",
        "$1",
        "UPPER(day, time)",
        "TRIM('x' FROM day)",
    ] {
        let setting = made(&[(Role::OrderedAt, sql)], None);
        let made = Transform::new(&setting.format, &setting.rules, "UTC", Limits::default());
        let error = made.map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("transform.columns.ordered-at "), "{sql}: {error}");
        assert!(error.contains(&format!("{sql:?}")), "{sql}: {error}");
    }
    refused(
        Role::OrderedAt,
        "SUM(qty)",
        "has SUM(qty), which is not allowed: a transform sees one",
    );
}

#[test]
fn money_is_no_float_and_a_column_is_a_text_or_a_number() {
    refused(
        Role::UnitPrice,
        "CAST(cents AS DOUBLE PRECISION) / 100",
        "has a DOUBLE PRECISION, which is not exact; CAST(cents AS DECIMAL(18,4)) is",
    );
    refused(Role::UnitPrice, "cents::FLOAT", "is not exact");
    refused(Role::UnitPrice, "1e-2", "has 1e-2, which is no decimal number");
    refused(Role::UnitPrice, "cents / 100", "CAST(cents AS DECIMAL(18,4)) makes one of a text");
    refused(Role::UnitPrice, "qty = '1'", "is true or false, and no text or number");
    refused(Role::UnitPrice, "NULL", "is always NULL");
    refused(
        Role::UnitPrice,
        "CASE WHEN qty = '1' THEN 1 ELSE qty END",
        "now a number and now none",
    );
    refused(Role::UnitPrice, "CAST(qty AS DECIMAL(20,4))", "it may have 18 digits");
    refused(Role::UnitPrice, "CAST(qty AS DATE)", "is read by the formats in `dates`");
    refused(Role::UnitPrice, "CASE WHEN qty > 1 THEN 1 END", "compares qty with 1");
    refused(Role::UnitPrice, "CASE WHEN qty = NULL THEN 1 END", "IS NULL asks for it");
    refused(
        Role::UnitPrice,
        "CAST(qty AS DECIMAL) * CAST(cents AS DECIMAL) * 1.5",
        "has a product of 9 decimal places, the limit is 8",
    );
    refused(Role::UnitPrice, "CAST(1.555 AS DECIMAL(18,2))", "ROUND(1.555, 2) says so");
    refused(Role::UnitPrice, "1000000000000000000", "of at most 18 digits and 8 places");
    refused(Role::UnitPrice, "ROUND(1.5, 9)", "a number from 0 to 8 is wanted");
}

#[test]
fn texts_that_are_not_expressions_are_refused() {
    refused(Role::Region, "", "EOF");
    refused(Role::Region, "qty ||", "EOF");
    refused(Role::Region, "qty qty", "has qty behind its end");
    refused(Role::Region, "qty; DELETE FROM x", "has ; behind its end");
    refused(Role::Region, "'open", "Unterminated");
    refused(Role::Region, "LOOKUP('none', qty)", "look-ups are skus");
    refused(Role::Region, "LOOKUP(qty, qty)", "the name of a look-up stands in quotes");
    refused(Role::Region, &"(".repeat(900), "recursion");
    refused(Role::Region, &"(".repeat(5_000), "5000 words and signs");
    refused(Role::Region, &format!("qty{}", " || qty".repeat(1_500)), "bytes, the limit is 8192");
    refused(Role::Region, &format!("1{}", "+1".repeat(500)), "1001 words and signs, the limit is");
    let arms = " WHEN '1' THEN 'a'".repeat(60);
    let nested = (0..3).fold("qty".to_owned(), |inner, _| format!("CASE {inner} {arms} END"));
    refused(Role::Region, &nested, "has more than 2000 parts");
}

/// The parser recurses for each of them, and so does the formatter of parts of an expression.
#[test]
fn long_or_deep_expressions_are_evaluated_or_refused() {
    let chain = |link: &str| format!("'x'{}", link.repeat(480));
    makes(&chain("||a"), ("y", "", ""), &format!("x{}", "y".repeat(480)));
    let sum = format!("1{}", " + CAST(a AS INTEGER)".repeat(120));
    makes(&sum, ("2", "", ""), "241");
    refused(Role::Region, &format!("SUM({})", chain("||sku")), "has SUM('x' || sku");
    refused(Role::Region, &format!("x COLLATE \"C\" || {}", chain("||sku")), "is not allowed");
    refused(Role::Region, &format!("x{}", " IS NULL".repeat(480)), "true or false");
    let deep = |n: usize| {
        format!("{}qty{}", "CASE WHEN sku = '1' THEN 'a' ELSE ".repeat(n), " END".repeat(n))
    };
    refused(Role::Region, &deep(60), "has WHEN behind its end");
    let deepest = (1..60).rev().find(|n| {
        let setting = made(&[(Role::Region, &deep(*n))], None);
        Transform::new(&setting.format, &setting.rules, "UTC", Limits::default()).is_ok()
    });
    assert!(deepest.is_some_and(|n| n >= 15), "{deepest:?}");
}

#[test]
fn a_transform_that_contradicts_the_format_is_refused() {
    let error = |setting: &Setting| {
        let new = Transform::new(&setting.format, &setting.rules, "UTC", Limits::default());
        new.map(|_| ()).unwrap_err().to_string()
    };
    let mut setting = made(&[(Role::Quantity, "qty")], None);
    setting.format.columns.quantity = "qty".into();
    assert_eq!(
        error(&setting),
        "transform.columns.quantity makes what columns.quantity names; one of the two has to go"
    );
    let mut setting = made(&[(Role::OrderId, "sku")], None);
    setting.format.continued_rows = true;
    assert_eq!(error(&setting), "transform.columns.order-id cannot be used with continued-rows");
    let mut setting = made(&[], None);
    setting.format.columns.quantity = Names::default();
    assert_eq!(error(&setting), "columns.quantity is empty");
    let setting = made(&[], Some("status"));
    assert!(error(&setting).starts_with("transform.where is neither true nor false"));
}

#[test]
fn a_file_without_a_column_of_an_expression_is_refused_by_name() {
    let setting = made(&[(Role::Region, "\"Ship Country\" || state")], Some("Status <> 'x'"));
    let read = setting.read(format!("{HEADER}A1,P1\n").as_bytes(), usize::MAX);
    let Err(FileError::HeaderMissing { missing, .. }) = read else { panic!("{read:?}") };
    assert_eq!(missing, ["Ship Country", "state"]);
    // Names are compared like those of other columns.
    let setting = made(&[(Role::Region, "ship_country")], None);
    let file = "order,sku,qty,cents,day,customer,text,Ship-Country\nA1,P1,1,5,2026-11-22,c,x, ES\n";
    let (part, _) = setting.read(file.as_bytes(), usize::MAX).unwrap();
    assert_eq!(part.batch.row(0).unwrap().region, "ES");
}
