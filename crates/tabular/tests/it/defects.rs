//! Structural defects cost only their own line, and are reported with it.

use crate::support::{HEADER, check, plain};
use domain::partner::ShortRows;

const GOOD: &str = "A9,P9,1,2.50,2026-11-22 10:00:00,c9,fine\n";

/// Checks `rows` between two good rows; `lines` is their number of physical lines.
#[track_caller]
fn check_between(rows: &[u8], lines: u64, expected: &[&str]) {
    let last = GOOD.replace("A9", "B9");
    let all = [GOOD.as_bytes(), rows, last.as_bytes()].concat();
    let end = format!("{}: B9 P9 x1 2.50 c9 [fine]", 3 + lines);
    let expected: Vec<&str> = [&["2: A9 P9 x1 2.50 c9 [fine]"], expected, &[end.as_str()]].concat();
    check(all, &expected);
}

#[test]
fn quoted_text_may_hold_delimiters_quotes_and_line_ends() {
    check_between(
        b"A1,\"P,1\",1,2,2026-11-22 10:00:00,c1,\"ha \"\"ha\"\" ha\"\n",
        1,
        &["3: A1 P,1 x1 2.00 c1 [ha \"ha\" ha]"],
    );
    check_between(
        b"\"A1\",P1,1,2,2026-11-22 10:00:00,c1,\"Once upon \r\na\n\n time\"\r\n",
        4,
        &["3: A1 P1 x1 2.00 c1 [Once upon ←⏎a⏎⏎ time]"],
    );
    check_between(
        b"A1,P1,\"1\",\"2\",\"2026-11-22 10:00:00\",\"c1\",\"\"\n",
        1,
        &["3: A1 P1 x1 2.00 c1 []"],
    );
    check_between(
        b"A1,P1,1,2,2026-11-22 10:00:00,c1,\"\"\"\"\"x\"\n",
        1,
        &["3: A1 P1 x1 2.00 c1 [\"\"x]"],
    );
}

#[test]
fn a_quote_in_an_unquoted_field_costs_its_line() {
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,6\" pan\n", 1, &["3: stray_quote text"]);
    check_between(b"A1,a \"P1\",1,2,2026-11-22 10:00:00,c1,x\n", 1, &["3: stray_quote sku"]);
}

#[test]
fn text_after_a_closing_quote_costs_its_line() {
    check_between(b"A1,\"P\"1,1,2,2026-11-22 10:00:00,c1,x\n", 1, &["3: text_after_quote sku"]);
    check_between(b"A1,\"P1\" x,1,2,2026-11-22 10:00:00,c1,x\n", 1, &["3: text_after_quote sku"]);
    check_between(b"\"A1\"\rx,P1,1,2,,,\n", 1, &["3: text_after_quote order"]);
}

#[test]
fn an_unclosed_quote_does_not_swallow_the_rows_after_it() {
    check_between(b"A1,\"P1,1,2,2026-11-22 10:00:00,c1,x\n", 1, &["3: unclosed_quote sku"]);
    check_between(
        b"A1,\"P1,1,2,2026-11-22 10:00:00,c1,x\nA2,\"P2\",1,2,2026-11-22 10:00:00,c2,\"y\"\n",
        2,
        &["3: text_after_quote sku", "4: A2 P2 x1 2.00 c2 [y]"],
    );
    check_between(
        b"A1,P1,1,2,2026-11-22 10:00:00,c1,\"x\nA2,P2,1,2,2026-11-22 10:00:00,c2,\"\"\n",
        2,
        &["3: unclosed_quote text", "4: A2 P2 x1 2.00 c2 []"],
    );
    check_between(
        b"A1,P1,1,2,2026-11-22 10:00:00,c1,\"x\nA2,\"P2\",1,2,2026-11-22 10:00:00,c2,y\n",
        2,
        &["3: text_after_quote text", "4: A2 P2 x1 2.00 c2 [y]"],
    );
}

#[test]
fn an_unclosed_quote_is_given_up_at_the_record_limit() {
    let mut setting = plain();
    setting.limits.record_bytes_max = 200;
    let good = "A9,P9,1,2.50,2026-11-22 10:00:00,c9,\n";
    let mut rows = String::from("A1,\"P1,1,2,2026-11-22 10:00:00,c1,x\n");
    let mut expected = vec!["2: unclosed_quote sku".to_owned()];
    for line in 3..40 {
        rows.push_str(&good.replace('9', &line.to_string()));
        expected.push(format!("{line}: A{line} P{line} x1 2.50 c{line} []"));
    }
    setting.check(rows, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn too_few_and_too_many_fields_cost_their_line() {
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1\n", 1, &["3: too_few_fields"]);
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,x,y\n", 1, &["3: too_many_fields"]);
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,x,, \n", 1, &["3: too_many_fields"]);
    check_between(b" \n", 1, &["3: too_few_fields"]);
    // A record with the wrong number of fields may have an unclosed quote, so only its first line is
    // given up.
    check_between(
        b"A1,P1,1,2,2026-11-22 10:00:00,\"c1,x\nA2,P2,1,2,soon,c2,\"\n",
        2,
        &["3: row_in_quotes", "4: unclosed_quote text"],
    );
    check_between(
        b"A1,P1,1,2,2026-11-22 10:00:00,\"c1,x\nA2,P2,1,2\"\n",
        2,
        &["3: too_few_fields", "4: stray_quote price"],
    );
}

#[test]
fn empty_fields_at_the_end_are_no_defect() {
    let row = "3: A1 P1 x1 2.00 c1 [x]";
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,x,\n", 1, &[row]);
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,x,,\"\",\r\n", 1, &[row]);
    // Nor are names that the header lacks at its end, whether rows have something there or not.
    let header = HEADER.replace('\n', ",,\n");
    for rows in ["A1,P1,1,2,2026-11-22 10:00:00,c1,x\n", "A1,P1,1,2,2026-11-22 10:00:00,c1,x,,7\n"]
    {
        let file = format!("{header}{rows}");
        assert_eq!(plain().outcome(file.as_bytes()), ["2: A1 P1 x1 2.00 c1 [x]"], "{file}");
    }
}

#[test]
fn rows_that_leave_empty_cells_out_are_read_where_that_is_configured() {
    let mut setting = plain();
    setting.format.short_rows = ShortRows::Fill;
    setting.rules.customer_required = false;
    let rows = format!("{GOOD}A1,P1,1,2,2026-11-22 10:00:00\nA2,P2\nA3\n");
    let read = ["3: A1 P1 x1 2.00  []", "4: bad_quantity qty", "5: too_few_fields"];
    setting.check(rows, &[&["2: A9 P9 x1 2.50 c9 [fine]"], &read[..]].concat());
}

#[test]
fn blanks_around_quotes_are_none_of_the_field() {
    let row = "3: A1 P,1 x1 2.00 c1 [x]";
    check_between(b"A1, \"P,1\" ,1,2,2026-11-22 10:00:00,c1,\t\"x\" \n", 1, &[row]);
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1, \"x\" y\n", 1, &["3: text_after_quote text"]);
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,a \"x\"\n", 1, &["3: stray_quote text"]);
}

#[test]
fn a_file_cut_off_inside_a_row_loses_that_row_only() {
    check(format!("{GOOD}A1,P1,1"), &["2: A9 P9 x1 2.50 c9 [fine]", "3: too_few_fields"]);
    check(format!("{GOOD}A1,\"P1,1"), &["2: A9 P9 x1 2.50 c9 [fine]", "3: unclosed_quote sku"]);
}

#[test]
fn bytes_that_are_not_text_cost_their_row() {
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,\xE9t\xE9\n", 1, &["3: invalid_utf8"]);
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,\"\xFF\n\"\n", 2, &["3: invalid_utf8"]);
    check_between(b"A1,P1,1,2,2026-11-22 10:00:00,c1,a\0b\n", 1, &["3: nul_byte"]);
    check_between(
        b"A1,P1,1,2,2026-11-22 10:00:00,c1,a\rb\n",
        1,
        &["3: stray_carriage_return text"],
    );
}

#[test]
fn the_longest_record_is_read_and_one_byte_more_is_not() {
    let mut setting = plain();
    setting.limits.record_bytes_max = 100;
    let row = |len: usize| {
        let start = "A1,P1,1,2,2026-11-22 10:00:00,c1,";
        format!("{start}{}\n", "x".repeat(len - start.len() - 1))
    };
    let text = "x".repeat(66);
    let good = GOOD.trim_end();
    setting.check(
        format!("{}{good}", row(100)),
        &[&format!("2: A1 P1 x1 2.00 c1 [{text}]"), "3: A9 P9 x1 2.50 c9 [fine]"],
    );
    setting.check(
        format!("{}{good}", row(101)),
        &["2: record_too_long", "3: A9 P9 x1 2.50 c9 [fine]"],
    );
    let (part, _) = setting.read(format!("{HEADER}{}", row(101)).as_bytes(), usize::MAX).unwrap();
    assert_eq!(part.rejects[0].order_id.as_deref(), Some("A1"));
}

#[test]
fn a_line_of_a_hundred_megabytes_needs_no_memory() {
    let setting = plain();
    let mut transform = setting.transform();
    transform.push(format!("{HEADER}A1,P1,").as_bytes()).unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        for part in transform.push(&block).unwrap() {
            assert!(part.rejects.iter().all(|reject| reject.raw.len() == 4096));
        }
    }
    assert_eq!(transform.push(format!("\n{GOOD}").as_bytes()).unwrap(), []);
    let (parts, summary) = transform.finish().unwrap();
    assert_eq!(parts[0].batch.line, [3]);
    assert_eq!(summary.rejected_by_rule["record_too_long"], 1);
}

#[test]
fn line_ends_of_any_kind_and_blank_lines_keep_line_numbers_exact() {
    let row = |order: &str| format!("{order},P1,1,2,2026-11-22 10:00:00,c1,x");
    check(
        format!("\r\n\n{}\r\n\n\n{}\n\r\n{}\r", row("A1"), row("A2"), row("A3")),
        &["4: A1 P1 x1 2.00 c1 [x]", "7: A2 P1 x1 2.00 c1 [x]", "9: A3 P1 x1 2.00 c1 [x]"],
    );
    check(format!("{},\"x\"\r", row("A1").trim_end_matches(",x")), &["2: A1 P1 x1 2.00 c1 [x]"]);
    check(row("A1"), &["2: A1 P1 x1 2.00 c1 [x]"]);
    check("", &[]);
}

#[test]
fn a_byte_order_mark_and_blank_lines_may_come_before_the_header() {
    let row = "A1,P1,1,2,2026-11-22 10:00:00,c1,x";
    assert_eq!(
        plain().outcome(format!("\u{FEFF}\r\n\n{HEADER}{row}").as_bytes()),
        ["4: A1 P1 x1 2.00 c1 [x]"]
    );
    assert_eq!(
        plain()
            .outcome(format!("\u{FEFF}{}{row}", HEADER.replace("order", "\"order\"")).as_bytes()),
        ["2: A1 P1 x1 2.00 c1 [x]"]
    );
}

#[test]
fn header_names_are_found_in_any_case_place_and_company() {
    let file = " TEXT ,Customer,extra,PRICE,date,\"Qty\",sku,ORDER,\n\
                x,c1,?,2,2026-11-22 10:00:00,1,P1,A1,\n";
    assert_eq!(plain().outcome(file.as_bytes()), ["2: A1 P1 x1 2.00 c1 [x]"]);
}

#[test]
fn a_file_without_a_usable_header_is_refused_and_says_why() {
    for (file, expected) in [
        ("", "the file is empty"),
        ("\u{FEFF}", "the file is empty"),
        ("\n\r\n\n", "the file is empty"),
        (
            "order;sku;qty\n1;2;3\n",
            "the header has no column Order, SKU, text, customer, qty, price, date; found: order;sku;qty \
             (one column; should it be `delimiter: \";\"`?)",
        ),
        (
            "order,sku,qty,price,customer,text,dat\n",
            "the header has no column date; found: order, sku, qty, price, customer, text, dat",
        ),
        (
            "order,sku,qty,price,date,customer,text,Order \n",
            "the header has column \"Order\" more than once: order, Order",
        ),
        (
            "order,sku,\"qty\n1,2,3\n",
            "line 1: the header is unreadable: a quote is not closed within 65536 bytes or the file",
        ),
        ("or\0der\n", "line 1: the header is unreadable: it has a zero byte; is it a CSV file?"),
    ] {
        assert_eq!(plain().outcome(file.as_bytes()), [expected], "for {file:?}");
    }
    assert_eq!(
        plain().outcome(b"order,sku,qty,price,date,customer,text,\xE9\n"),
        ["line 1: the header is not UTF-8; is the encoding configured, and is it a CSV file?"]
    );
    assert_eq!(
        plain().outcome(&[b'x'; 70_000]),
        ["line 1: the header is unreadable: is longer than 65536 bytes"]
    );
}

#[test]
fn a_repeated_column_is_allowed_if_it_is_not_used() {
    let file = "order,sku,qty,price,date,customer,text,id,id\n\
                A1,P1,1,2,2026-11-22 10:00:00,c1,x,1,2\n";
    assert_eq!(plain().outcome(file.as_bytes()), ["2: A1 P1 x1 2.00 c1 [x]"]);
}

#[test]
fn one_row_more_than_the_limit_refuses_the_file() {
    let mut setting = plain();
    setting.limits.rows_max = 2;
    setting.check("x\nx\n", &["2: too_few_fields", "3: too_few_fields"]);
    setting.check("x\nx\nx\n", &["the file has more than 2 rows"]);
}

#[test]
fn a_refused_file_stays_refused() {
    let mut transform = plain().transform();
    let error = transform.push("a,b\n".repeat(51).as_bytes()).unwrap_err();
    assert_eq!(transform.push(HEADER.as_bytes()).unwrap_err(), error);
    assert_eq!(transform.finish().unwrap_err(), error);
}

#[test]
fn a_reject_names_its_order_when_that_can_be_read() {
    for (row, expected) in [
        ("A1,P1,x,2,,,", Some("A1")),
        ("\" A\"\"1\",P1,1", Some("A\"1")),
        ("17850.0,\"P1,1,2,2026-11-22 10:00:00,c1,x", Some("17850")),
        (",P1,1,2,,,", None),
        ("A\"1,P1,1,2,,,", None),
        ("\"A1,P1,1,2,,,", None),
    ] {
        let (part, _) = plain().read(format!("{HEADER}{row}\n").as_bytes(), 4096).unwrap();
        assert_eq!(part.rejects[0].order_id.as_deref(), expected, "for {row:?}");
        assert_eq!(part.rejects[0].raw, row.as_bytes());
    }
}
