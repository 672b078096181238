//! Files that were put together from several, and invisible characters in files.

use crate::support::{HEADER, Setting, check, plain};
use tabular::{FileError, Limits, Summary};

const ROW: &str = "A1,P1,1,2,22/11/2026,c1,x\n";

/// Reads a file cut in several ways, which must agree.
#[track_caller]
fn read(setting: &Setting, file: &str, expected: &[&str]) -> Option<Summary> {
    let whole = setting.read(file.as_bytes(), usize::MAX);
    for (workers, block_bytes, cut) in [(1, 1, 1), (2, 40, 7), (7, 100, 1000)] {
        let mut other = setting.clone();
        other.limits = Limits { workers, block_bytes, ..setting.limits };
        assert_eq!(other.read(file.as_bytes(), cut), whole, "{workers} workers, {block_bytes}");
    }
    assert_eq!(setting.outcome(file.as_bytes()), expected);
    whole.ok().map(|(_, summary)| summary)
}

#[test]
fn a_repeated_header_is_skipped_and_reported() {
    let marked = format!("\u{FEFF}{HEADER}");
    let quoted = HEADER.trim_end().split(',').map(|name| format!("\"{name}\"")).collect::<Vec<_>>();
    let spaced = HEADER.replace(',', " , ").to_uppercase();
    for again in [HEADER.to_owned(), marked, quoted.join(",") + "\r\n", spaced] {
        let last = ROW.replace("A1", "A2");
        let file = format!("{HEADER}{ROW}{again}{last}\n{again}");
        let rows = ["2: A1 P1 x1 2.00 c1 [x]", "4: A2 P1 x1 2.00 c1 [x]"];
        let summary = read(&plain(), &file, &rows).unwrap();
        assert_eq!(summary.detected.header_again, [3, 6], "{again:?}");
        assert_eq!((summary.lines, summary.rows, summary.rejected()), (6, 2, 0));
    }
}

#[test]
fn another_header_refuses_the_file() {
    let expected = "line 3 has names of columns again, in another order or not all of them: two files \
                    were put together, and have to be sent one by one";
    for (again, row) in [
        ("order,qty,sku,price,date,customer,text\n", "A2,3,12,2,22/11/2026,c1,x\n"),
        (
            "\u{FEFF}\"ORDER\",\"Qty\",\"SKU\",\"Price\",\"Date\",\"Customer\",\"Text\"\r\n",
            "A2,3,12,2,22/11/2026,c1,x\n",
        ),
        // An unknown name, one more column, and one fewer.
        ("order,qty,sku,price,day,customer,text\n", "A2,3,12,2,22/11/2026,c1,x\n"),
        ("order,sku,qty,price,date,customer,text,note\n", "A2,12,3,2,22/11/2026,c1,x,y\n"),
        ("order,sku,qty,price,date,customer\n", "A2,12,3,2,22/11/2026,c1\n"),
    ] {
        assert_eq!(read(&plain(), &format!("{HEADER}{ROW}{again}{row}"), &[expected]), None);
    }
    // A bad row that contains one of the names is a bad row.
    check("order,P1,qty,2,22/11/2026,c1,x\n", &["2: bad_quantity qty"]);
}

#[test]
fn a_row_before_the_header_refuses_the_file() {
    let file = format!("Report of today\n{ROW}{HEADER}{}", ROW.replace("A1", "A2"));
    read(&plain(), &file, &["line 2 is before the header, and looks like a row"]);
    let mut setting = plain();
    setting.format.preamble_lines = 2;
    let file = format!("Report\n{ROW}{HEADER}{ROW}");
    assert_eq!(
        setting.read(file.as_bytes(), 5),
        Err(FileError::RowBeforeHeader { line: 2 }),
        "also where lines are passed over unseen"
    );
}

#[test]
fn a_byte_order_mark_inside_is_no_part_of_a_row() {
    let last = ROW.replace("A1", "A2");
    let rows = ["2: A1 P1 x1 2.00 c1 [x]", "3: A2 P1 x1 2.00 c1 [x]", "4: A2 P2 x1 2.00 c1 [x]"];
    for mark in ["\u{FEFF}", "\u{FEFF}\u{FEFF}"] {
        for last in [last.clone(), last.replace("A2", "\"A2\"")] {
            let third = ROW.replace("A1,P1", "A2,P2");
            read(&plain(), &format!("{mark}{HEADER}{mark}{ROW}{mark}{last}{third}{mark}"), &rows);
        }
    }
}

#[test]
fn ids_that_look_the_same_are_the_same() {
    for id in [
        "A\u{200B}1",
        "\u{200E}A1",
        "A1\u{FEFF}",
        "\"A\u{AD}1\"",
        "A1\u{2060}",
        "\u{202A}A1\u{202C}",
    ] {
        let rows = format!("{id},{id},1,2,22/11/2026,{id},x\n");
        check(rows, &["2: A1 A1 x1 2.00 A1 [x]"]);
    }
    check("A\u{308}1,P,1,2,22/11/2026,c,x\n", &["2: Ä1 P x1 2.00 c [x]"]);
    check("\u{200B},P,1,2,22/11/2026,c,x\n", &["2: missing_order_id order"]);
    // It does not count around a number or a date either.
    check("A,P,\u{200B}1,2\u{200E},\u{FEFF}22/11/2026,c,x\n", &["2: A P x1 2.00 c [x]"]);
    // Also for a rejected row, and for one that continues an order.
    let mut setting = plain();
    setting.format.continued_rows = true;
    setting.check(
        "A\u{200B}1,P1,1,2,22/11/2026,c1,x\nA1,P2,1,2,,,y\n",
        &["2: A1 P1 x1 2.00 c1 [x]", "3: A1 P2 x1 2.00 c1 [y]"],
    );
    let file = format!("{HEADER}A\u{200B}1,P1\n");
    let (part, _) = plain().read(file.as_bytes(), 9).unwrap();
    assert_eq!(part.rejects[0].order_id.as_deref(), Some("A1"));
}

#[test]
fn ids_changed_by_a_spreadsheet_are_refused_and_named() {
    for (id, reason) in [
        ("4.51E+12", "is a number that a spreadsheet has shortened"),
        ("\"4,51E+12\"", "is a number that a spreadsheet has shortened"),
        ("#REF!", "stands for no id"),
        ("NULL", "stands for no id"),
    ] {
        for (rows, rule) in [
            (format!("{id},P1,1,2,22/11/2026,c1,x\n"), "bad_order_id"),
            (format!("A1,{id},1,2,22/11/2026,c1,x\n"), "bad_product_id"),
            (format!("A1,P1,1,2,22/11/2026,{id},x\n"), "bad_customer_id"),
        ] {
            let (part, _) = plain().read(format!("{HEADER}{rows}").as_bytes(), 9).unwrap();
            assert_eq!(part.rejects[0].rule.code(), rule);
            assert!(part.rejects[0].reason.contains(reason), "{}", part.rejects[0].reason);
        }
    }
    let mut setting = plain();
    setting.rules.customer_required = false;
    setting.check("A1,P1,1,2,22/11/2026,N/A,x\n", &["2: A1 P1 x1 2.00  [x]"]);
}

#[test]
fn rows_of_another_currency_are_refused() {
    let file = |name: &str| {
        let row = |order: &str, code: &str| format!("{order},P1,1,2,22/11/2026,c1,x,{code}\n");
        let codes =
            ["EUR", "sek", "eur", "", "€", "£", "Euro", "US Dollar", "euros net", "2026-11-22"];
        let rows = (1..).zip(codes).map(|(n, code)| row(&format!("A{n}"), code));
        format!("{},{name}\n{}", HEADER.trim_end(), rows.collect::<String>())
    };
    let good = |n: usize| format!("{}: A{n} P1 x1 2.00 c1 [x]", n + 1);
    let bad = |n: usize, name: &str| format!("{}: other_currency {name}", n + 1);
    // A column found by its name may also contain dates; values that name a currency must name the
    // partner's.
    for name in ["Currency", "currency_code", "Währung", "Ccy"] {
        let mut expected: Vec<String> = (1..=10).map(good).collect();
        for n in [2, 6, 8, 9] {
            expected[n - 1] = bad(n, name);
        }
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        read(&plain(), &file(name), &expected);
    }
    let mut named = plain();
    named.format.columns.currency = Some("in".into());
    assert_eq!(named.outcome(file("in").as_bytes())[8..], [bad(9, "in"), bad(10, "in")]);
    // Configured signs are accepted, and other columns do not matter.
    let mut taken = plain();
    taken.format.currency_signs = vec!["SEK".into(), "£".into()];
    assert_eq!(taken.read(file("currency").as_bytes(), 99).unwrap().1.rejected(), 2);
    assert_eq!(plain().read(file("money").as_bytes(), 99).unwrap().1.rejected(), 0);
}
