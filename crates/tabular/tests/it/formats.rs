//! Formats written by partners' programs, and what is detected about them.

use crate::support::{HEADER, Setting, check, plain};
use domain::partner::{Delimiter, Duplicates, Encoding, Names};
use tabular::{Detected, Limits};

const ROW: &str = "A1,P1,1,2,2026-11-22 10:00:00,c1,größer\n";
const READ: &str = "A1 P1 x1 2.00 c1 [größer]";

/// Reads `file` cut in several ways, which must agree; returns the detected format.
#[track_caller]
fn detected(setting: &Setting, file: &[u8], expected: &[&str]) -> Detected {
    let whole = setting.read(file, usize::MAX);
    for (workers, block_bytes, cut) in [(1, 64, 1), (2, 1, 7), (2, 64, 64), (7, 100, 1000)] {
        let mut other = setting.clone();
        other.limits = Limits { workers, block_bytes, ..setting.limits };
        assert_eq!(other.read(file, cut), whole, "{workers} workers, blocks of {block_bytes}");
    }
    assert_eq!(setting.outcome(file), expected);
    whole.map(|(_, summary)| summary.detected).unwrap_or_default()
}

fn auto() -> Setting {
    let mut setting = plain();
    setting.format.delimiter = Delimiter::Auto;
    setting.format.encoding = Encoding::Auto;
    setting
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn a_file_is_the_same_in_any_encoding() {
    let text = format!("{HEADER}\n{ROW}");
    let marked = format!("\u{FEFF}{text}");
    let latin = |text: &str| -> Vec<u8> {
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    };
    for (file, encoding, bom) in [
        (text.clone().into_bytes(), "UTF-8", false),
        (marked.clone().into_bytes(), "UTF-8", true),
        (utf16(&text, u16::to_le_bytes), "UTF-16LE", false),
        (utf16(&text, u16::to_be_bytes), "UTF-16BE", false),
        (utf16(&marked, u16::to_le_bytes), "UTF-16LE", true),
        (utf16(&marked, u16::to_be_bytes), "UTF-16BE", true),
        (latin(&text), "windows-1252", false),
    ] {
        let found = detected(&auto(), &file, &[&format!("3: {READ}")]);
        assert_eq!((found.encoding.as_str(), found.bom), (encoding, bom));
    }
}

#[test]
fn half_a_character_of_utf_16_costs_its_row() {
    let mut file = utf16(&format!("\u{FEFF}{HEADER}{ROW}A2,P1,1,2,22/11/2026,c"), u16::to_le_bytes);
    file.extend([0x00, 0xDC]);
    file.extend(utf16(",x\nA3,P1,1,2,22/11/2026,c,\n", u16::to_le_bytes));
    let rows = [&format!("2: {READ}"), "3: invalid_utf8", "4: A3 P1 x1 2.00 c []"];
    detected(&auto(), &file, &rows);
    let (part, _) = auto().read(&file, 100).unwrap();
    assert_eq!(part.rejects[0].reason, "byte 23 of the record, in UTF-8, was not UTF-16LE");
    assert_eq!(part.rejects[0].order_id.as_deref(), Some("A2"));
}

#[test]
fn a_mark_of_another_encoding_than_the_configured_one_refuses_the_file() {
    let file = utf16(&format!("\u{FEFF}{HEADER}{ROW}"), u16::to_le_bytes);
    let expected = "the file begins with the byte order mark of UTF-16LE; configured is UTF-8";
    detected(&plain(), &file, &[expected]);
}

#[test]
fn the_delimiter_is_the_one_with_which_the_header_has_all_columns() {
    for (delimiter, name) in [(",", ","), (";", ";"), ("\t", "tab"), ("|", "|")] {
        // Decimal commas and texts with other delimiters do not mislead the detection.
        let file = format!("{HEADER}{}", ROW.replace("größer", "a b")).replace(',', delimiter);
        let found = detected(&auto(), file.as_bytes(), &["2: A1 P1 x1 2.00 c1 [a b]"]);
        assert_eq!(found.delimiter, name);
    }
    let header = HEADER.trim_end().replace(',', ",;");
    detected(
        &auto(),
        format!("{header}\n").as_bytes(),
        &["line 1: the delimiter may be ',' or ';'; configure one of them"],
    );
}

#[test]
fn a_sep_line_says_the_delimiter() {
    for sep in ["sep=^", "SEP=^\r", "\"sep=^\""] {
        let file = format!("{sep}\n{HEADER}{ROW}").replace(',', "^");
        let found = detected(&auto(), file.as_bytes(), &[&format!("3: {READ}")]);
        assert_eq!((found.delimiter.as_str(), found.sep_line, found.header_line), ("^", true, 2));
    }
    // A configured delimiter has priority.
    let file = format!("sep=;\n{HEADER}{ROW}");
    assert!(detected(&plain(), file.as_bytes(), &[&format!("3: {READ}")]).sep_line);
}

#[test]
fn the_header_is_the_first_line_with_all_columns() {
    let preamble =
        "Orders of Acme Ltd\n\n\"from, \"\"to\"\"\",2026\norder,sku,qty\nan \"open quote\n";
    let file = format!("{preamble}{HEADER}{ROW}");
    let found = detected(&auto(), file.as_bytes(), &[&format!("7: {READ}")]);
    assert_eq!(found.header_line, 6);
    assert_eq!(found.preamble[0], "Orders of Acme Ltd");
    assert_eq!(found.preamble.len(), 4);
    assert_eq!(found.columns["unit-price"], "price");
    assert_eq!(found.columns.len(), 7);
    // The error names the columns missing in the closest line.
    let file = format!("Report\n{}{ROW}", HEADER.replace("price", "prix"));
    let expected =
        "the header has no column price; found: order, sku, qty, prix, date, customer, text";
    detected(&auto(), file.as_bytes(), &[expected]);
}

#[test]
fn a_header_is_looked_for_in_fifty_lines() {
    for (lines, found) in [(49, true), (50, false)] {
        let file = format!("{}{HEADER}{ROW}", "x\n".repeat(lines));
        let outcome = auto().outcome(file.as_bytes());
        assert_eq!(outcome[0].contains("P1"), found, "{outcome:?}");
    }
}

#[test]
fn preamble_lines_are_skipped_unread() {
    let mut setting = plain();
    setting.format.preamble_lines = 2;
    let file = format!("{HEADER}\"\n{HEADER}{ROW}");
    let found = detected(&setting, file.as_bytes(), &[&format!("4: {READ}")]);
    assert_eq!((found.header_line, found.preamble.len()), (3, 2));
}

#[test]
fn the_configured_number_of_preamble_lines_is_skipped() {
    let mut setting = plain();
    setting.format.preamble_lines = 1_000;
    let file = format!("{}{HEADER}{ROW}", format!("{}\n", "x".repeat(300)).repeat(1_000));
    let found = detected(&setting, file.as_bytes(), &[&format!("1002: {READ}")]);
    assert_eq!(found.header_line, 1001);
}

#[test]
fn a_preamble_line_without_end_refuses_the_file_however_it_is_cut() {
    let mut setting = plain();
    setting.format.preamble_lines = 1;
    for (len, expected) in [
        (65_535, Ok(1)),
        (65_536, Err("line 1: the header is unreadable: is longer than 65536 bytes")),
        (200_000, Err("line 1: the header is unreadable: is longer than 65536 bytes")),
    ] {
        let file = format!("{}\n{HEADER}{ROW}", "x".repeat(len));
        for cut in [1_000, 65_537, usize::MAX] {
            let read = setting.read(file.as_bytes(), cut);
            let read = read.map(|(_, summary)| summary.accepted).map_err(|e| e.to_string());
            assert_eq!(read.as_ref().map_err(String::as_str), expected.as_ref().map_err(|e| *e));
        }
    }
}

#[test]
fn lines_at_the_end_are_a_footer_by_number_or_by_marker() {
    let rows = format!("{ROW}{}", ROW.replace("A1", "A2"));
    let expected = [&format!("2: {READ}"), &format!("3: {}", READ.replace("A1", "A2"))];
    let expected: Vec<&str> = expected.map(String::as_str).into();
    let file = format!("{HEADER}{rows}\n2,record(s) downloaded\n\nSeller ID: acme\n\n");
    let mut setting = plain();
    setting.format.footer_lines = 2;
    let found = detected(&setting, file.as_bytes(), &expected);
    assert_eq!(found.footer, ["2,record(s) downloaded", "Seller ID: acme"]);
    let mut setting = plain();
    setting.format.footer_marker = Some("record(s) down".into());
    let found = detected(&setting, file.as_bytes(), &expected);
    assert_eq!(found.footer, ["2,record(s) downloaded", "Seller ID: acme"]);
}

#[test]
fn a_file_may_be_shorter_than_its_footer() {
    let mut setting = plain();
    setting.format.footer_lines = 5;
    let file = format!("{HEADER}The end\nof it\n");
    assert_eq!(detected(&setting, file.as_bytes(), &[]).footer, ["The end", "of it"]);
    detected(&setting, HEADER.as_bytes(), &[]);
}

#[test]
fn a_row_at_the_end_is_a_row_on_days_without_a_footer() {
    let two = [format!("2: {READ}"), format!("3: {}", READ.replace("A1", "A2"))];
    let two: Vec<&str> = two.iter().map(String::as_str).collect();
    for lines in [1, 2, 5] {
        let mut setting = plain();
        setting.format.footer_lines = lines;
        for (row, end) in [
            (ROW.replace("A1", "A2"), ""),
            (ROW.replace("A1", "A2").replace('\n', "\r\n"), "\n\n"),
            (ROW.replace("A1,P1", "\"A2\",\"P1\""), ""),
            (ROW.replace("A1", "A2"), "Sum,,2,4.00,,,\n"),
        ] {
            let file = format!("{HEADER}{ROW}{row}{end}");
            let found = detected(&setting, file.as_bytes(), &two);
            assert_eq!(found.footer.len(), usize::from(end.starts_with("Sum")));
        }
    }
    // A remark before the last row is reported as a reject and not lost.
    let mut setting = plain();
    setting.format.footer_lines = 2;
    let file = format!("{HEADER}Remark\n{ROW}");
    detected(&setting, file.as_bytes(), &["2: too_few_fields", &format!("3: {READ}")]);
    // A bad row at the end is a reject.
    let bad = ROW.replace(",1,2,", ",1,?,");
    detected(&setting, format!("{HEADER}{bad}The end\n").as_bytes(), &["2: bad_price price"]);
}

#[test]
fn a_marker_in_a_row_does_not_swallow_the_rows_after_it() {
    let mut setting = plain();
    setting.format.footer_marker = Some("Total".into());
    let file = format!("{HEADER}A0,P1,1,2,22/11/2026,c1,Total eclipse\n{ROW}Total,2\n");
    let rows = ["2: A0 P1 x1 2.00 c1 [Total eclipse]", &format!("3: {READ}")];
    assert_eq!(detected(&setting, file.as_bytes(), &rows).footer, ["Total,2"]);
    let file = format!("{HEADER}A0,P1,1,2,22/11/2026,c1,\"Total\neclipse\"\n{ROW}");
    let rows = ["2: A0 P1 x1 2.00 c1 [Total⏎eclipse]", &format!("4: {READ}")];
    detected(&setting, file.as_bytes(), &rows);
    // Lines after the beginning of the footer are checked as well.
    let file = format!("{HEADER}Total,2\n\n{ROW}");
    let expected = "line 4 looks like a row, but stands in the footer that begins in line 2";
    detected(&setting, file.as_bytes(), &[expected]);
    let file = format!("{HEADER}Total,2\n{}", "and so on\n".repeat(21));
    let expected = "line 2 has the footer's marker, but more than 20 lines follow";
    detected(&setting, file.as_bytes(), &[expected]);
    // Inside a text of several lines, the marker has no meaning.
    let file = format!("{HEADER}A0,P1,1,2,22/11/2026,c1,\"x\nTotal\"\n");
    detected(&setting, file.as_bytes(), &["2: A0 P1 x1 2.00 c1 [x⏎Total]"]);
}

#[test]
fn a_column_may_have_several_names_and_spellings() {
    let mut setting = plain();
    setting.format.columns.order_id = vec!["Bestellnummer".into(), "N° de commande".into()].into();
    setting.format.columns.unit_price = "Prix unitaire".into();
    let header = "n de_Commande,sku,qty,PRIX-UNITAIRE,date,customer,text\n";
    let found = detected(&setting, format!("{header}{ROW}").as_bytes(), &[&format!("2: {READ}")]);
    assert_eq!(found.columns["order-id"], "n de_Commande");
    assert_eq!(found.columns["unit-price"], "PRIX-UNITAIRE");
    // The first name of the list has priority, and an exact match over a similar one.
    let header = "Bestell-Nummer,sku,qty,prix  unitaire,date,customer,text,N° de commande,Qty.\n";
    let row = ROW.replace('\n', ",B7,9\n");
    detected(&setting, format!("{header}{row}").as_bytes(), &[&format!("2: {READ}")]);
    // Two similar names are ambiguous.
    setting.format.columns.quantity = Names::from("Q T Y");
    let expected = "the header has column \"Q T Y\" more than once: qty, Qty.";
    detected(&setting, format!("{header}{row}").as_bytes(), &[expected]);
}

#[test]
fn one_column_cannot_be_two_things() {
    let mut setting = plain();
    setting.format.columns.unit_price = vec!["prix".into(), "betrag".into()].into();
    setting.format.columns.description = Some(vec!["texte".into(), "prix unitaire".into()].into());
    let header = "order,sku,qty,prix,date,customer,Prix (unitaire)\n";
    detected(&setting, format!("{header}{ROW}").as_bytes(), &[&format!("2: {READ}")]);
}

#[test]
fn amounts_are_read_as_the_partner_writes_them() {
    let mut setting = plain();
    setting.format.delimiter = ';'.into();
    setting.format.decimal_mark = ',';
    setting.format.thousands_mark = Some('.');
    setting.format.currency_signs = vec!["€".into(), "EUR".into()];
    for (amount, expected) in [
        ("1.234,56", "1234.56"),
        ("1.234,5 €", "1234.50"),
        ("EUR 12", "12.00"),
        ("1.234", "1234.00"),
        ("1,5-", "negative_price price"),
        ("(1,5)", "negative_price price"),
        // This would be a hundred times as much if the dot were a thousands mark.
        ("12.50", "bad_price price"),
        ("1,234.56", "bad_price price"),
        ("$12,50", "bad_price price"),
        ("1,2,3", "bad_price price"),
    ] {
        setting.rules.price_positive = false;
        let file = format!("{}A1;P1;1.000;{amount};22/11/2026;c;\n", HEADER.replace(',', ";"));
        let [got] = setting.outcome(file.as_bytes()).try_into().unwrap();
        let expected = match expected.split_once(' ') {
            Some(_) => format!("2: {expected}"),
            None => format!("2: A1 P1 x1000 {expected} c []"),
        };
        assert_eq!(got, expected, "for {amount:?}");
    }
}

#[test]
fn a_negative_quantity_has_its_sign_on_either_side() {
    check(
        "A1,P1,2-,2,22/11/2026,c,\nA2,P1,(2),2,22/11/2026,c,\nA3,P1,\u{2212}2,2,22/11/2026,c,\n\
         A4,P1,£2,2,22/11/2026,c,\n",
        &[
            "2: A1 P1 x-2 2.00 c []",
            "3: A2 P1 x-2 2.00 c []",
            "4: A3 P1 x-2 2.00 c []",
            "5: bad_quantity qty",
        ],
    );
}

#[test]
fn a_spreadsheets_apostrophe_is_no_part_of_a_number_or_formula() {
    check(
        "'0815,'P1,1,2,22/11/2026,'17850.0,'=1+1\nA2,'007,1,2,22/11/2026,'x,'tis 7\n",
        &["2: 0815 'P1 x1 2.00 17850 [=1+1]", "3: A2 007 x1 2.00 'x ['tis 7]"],
    );
}

#[test]
fn a_row_of_empty_fields_is_a_blank_line() {
    check(
        ",,,,,,\n,\n\"\",\"\",,,,,\nA1,P1,1,2,22/11/2026,c,\n ,,,,,,\n",
        &["5: A1 P1 x1 2.00 c []", "6: missing_order_id order"],
    );
}

fn continued() -> Setting {
    let mut setting = plain();
    setting.format.continued_rows = true;
    setting
}

#[test]
fn a_row_without_order_columns_continues_the_order_before_it() {
    let rows = "A1,P1,1,2,22/11/2026,c1,x\n,P2,2,3,,,y\nA1,P3,1,2,,,\n\nB1,P1,1,2,23/11/2026,c2,\n\
                ,P9,0,2,,,\n,P2,1,2,,,z\n";
    let file = format!("{HEADER}{rows}");
    let expected = [
        "2: A1 P1 x1 2.00 c1 [x]",
        "3: A1 P2 x2 3.00 c1 [y]",
        "4: A1 P3 x1 2.00 c1 []",
        "6: B1 P1 x1 2.00 c2 []",
        "7: zero_quantity qty",
        "8: B1 P2 x1 2.00 c2 [z]",
    ];
    detected(&continued(), file.as_bytes(), &expected);
    let (part, _) = continued().read(file.as_bytes(), 1000).unwrap();
    assert_eq!(part.rejects[0].order_id.as_deref(), Some("B1"));
    assert_eq!(part.batch.ordered_at[0], part.batch.ordered_at[1]);
    plain().check(
        rows,
        &[
            "2: A1 P1 x1 2.00 c1 [x]",
            "3: missing_order_id order",
            "4: missing_customer customer",
            "6: B1 P1 x1 2.00 c2 []",
            "7: missing_order_id order",
            "8: missing_order_id order",
        ],
    );
}

#[test]
fn a_row_after_a_broken_one_does_not_continue_the_order_before_that() {
    let rows = ",P0,1,2,,,\nA1,P1,1,2,22/11/2026,c1,x\nB1,P\"1,1,2,23/11/2026,c2,\n,P2,1,2,,,z\n\
                C1,P1,x,2,22/11/2026,c1,x\n,P2,1,2,,,z\n";
    let expected = [
        "2: missing_order_id order",
        "3: A1 P1 x1 2.00 c1 [x]",
        "4: stray_quote sku",
        "5: missing_order_id order",
        "6: bad_quantity qty",
        "7: C1 P2 x1 2.00 c1 [z]",
    ];
    detected(&continued(), format!("{HEADER}{rows}").as_bytes(), &expected);
}

#[test]
fn duplicates_are_those_of_the_whole_file_of_one_order_or_none() {
    let row = |order: &str| format!("{order},P1,1,2,22/11/2026,c1,\n");
    let rows = [row("A1"), row("A1"), row("B1"), row("A1")].concat();
    for (duplicates, lines) in [
        (Duplicates::Off, vec![]),
        (Duplicates::PerOrder, vec![3]),
        (Duplicates::WholeFile, vec![3, 5]),
    ] {
        let mut setting = plain();
        setting.rules.duplicates = duplicates;
        let (part, _) = setting.read(format!("{HEADER}{rows}").as_bytes(), 1000).unwrap();
        let rejected: Vec<u64> = part.rejects.iter().map(|reject| reject.line).collect();
        assert_eq!(rejected, lines, "{duplicates:?}");
    }
}
