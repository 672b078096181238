//! Quotes that are letters, and the settings for quotes.

use crate::support::{HEADER, Setting, check, plain};
use domain::partner::{Quote, QuoteEscape};

const GOOD: &str = "A9,P9,1,2.50,2026-11-22 10:00:00,c9,fine\n";

fn quoting(quote: Quote, escape: QuoteEscape, lines: bool) -> Setting {
    let mut setting = plain();
    setting.format.quote = quote;
    setting.format.quote_escape = escape;
    setting.format.line_ends_in_fields = lines;
    setting
}

/// A file of a shop that never quotes: the first name begins with a quote, the last one ends with an
/// inch sign. `place` is the column of the names.
fn inches(place: usize, end: &str) -> String {
    let row = |n: usize, name: &str| {
        let mut cells: Vec<String> =
            ["1", "2.50", "2026-11-22 10:00:00"].iter().map(ToString::to_string).collect();
        let ids = [format!("A{n}"), format!("P{n}"), format!("c{n}")];
        let order = ["order", "sku", "qty", "price", "date", "customer"];
        cells.splice(0..0, ids[..2].iter().cloned());
        cells.push(ids[2].clone());
        assert_eq!(cells.len(), order.len());
        cells.insert(place, name.to_owned());
        cells.join(",") + end
    };
    let mut header = vec!["order", "sku", "qty", "price", "date", "customer"];
    header.insert(place, "text");
    let names = [
        "Lamp",
        "\"Hygge\" throw",
        "\"Cosy blanket",
        "Desk",
        "Frame 8 x 10\"",
        "Cup",
        "Monitor 27\"",
    ];
    let rows: String = (1..).zip(names).map(|(n, name)| row(n, name)).collect();
    header.join(",") + end + &rows
}

#[test]
fn a_quote_that_opens_a_field_by_mistake_takes_no_row_with_it() {
    for place in 0..=6 {
        for end in ["\n", "\r\n"] {
            let file = inches(place, end);
            let found = plain().outcome(file.as_bytes());
            let expected = [
                "2: A1 P1 x1 2.50 c1 [Lamp]",
                "3: text_after_quote text",
                "4: row_in_quotes",
                "5: A4 P4 x1 2.50 c4 [Desk]",
                "6: stray_quote text",
                "7: A6 P6 x1 2.50 c6 [Cup]",
                "8: stray_quote text",
            ];
            assert_eq!(found, expected, "names in column {place}");
            // The order of the row that is given up is the one on the line.
            let (part, summary) = plain().read(file.as_bytes(), usize::MAX).unwrap();
            assert_eq!(part.rejects[1].order_id.as_deref(), Some("A3"), "names in column {place}");
            assert_eq!((summary.lines, summary.rows), (8, 7));
            // If quotes are configured as letters, all rows are read.
            let setting = quoting(Quote::None, QuoteEscape::Doubled, true);
            let (part, _) = setting.read(file.as_bytes(), 10).unwrap();
            assert_eq!(part.batch.len(), 7);
            assert_eq!(part.batch.row(4).unwrap().description, "Frame 8 x 10\"");
        }
    }
}

#[test]
fn rows_in_quotes_are_detected_even_if_bad_or_with_a_delimiter_in_a_text() {
    for inner in [
        "A2,P2,x,2.50,2026-11-22 10:00:00,c2,Desk",
        "A2,P2,1,2.50,2026-11-22 10:00:00,c2,Desk, oak",
        "\"A2\",\"P2\",\"1\",\"2.50\",\"2026-11-22 10:00:00\",\"c2\",",
        "A2,P2,1,?,soon,c2,Desk",
    ] {
        let rows = format!(
            "A1,P1,1,2.50,2026-11-22 10:00:00,c1,\"Throw\n{inner}\nA3,P3,1,2.50,2026-11-22 10:00:00,c3,10\"\n"
        );
        let found = plain().outcome(format!("{HEADER}{rows}{GOOD}").as_bytes());
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[3], "5: A9 P9 x1 2.50 c9 [fine]");
    }
}

#[test]
fn an_intended_text_of_several_lines_is_a_value() {
    let with = |text: &str| format!("A1,P1,1,2.50,2026-11-22 10:00:00,c1,\"{text}\"\n");
    for text in ["Please ring\nat 2, High St, London", "a,b,c,d,e,f\ng", "1\n2\n3", "x\n,,,,,,\ny"]
    {
        let shown = text.replace('\n', "⏎");
        check(with(text), &[&format!("2: A1 P1 x1 2.50 c1 [{shown}]")]);
    }
    // In the first columns, the fields after the text are on its last line.
    let file =
        "text,order,sku,qty,price,date,customer\n\"two\nlines\",A1,P1,1,2,22/11/2026,\"c1, c2\"\n";
    assert_eq!(plain().outcome(file.as_bytes()), ["2: A1 P1 x1 2.00 c1, c2 [two⏎lines]"]);
    let file = "text,order,sku,qty,price,date,customer,note\n\"two\nlines\",A1,P1,1,2,22/11/2026,c1,\"a\nb\"\n";
    assert_eq!(plain().outcome(file.as_bytes()), ["2: A1 P1 x1 2.00 c1 [two⏎lines]"]);
}

#[test]
fn another_sign_may_enclose_fields() {
    let setting = quoting(Quote::Is('\''), QuoteEscape::Doubled, true);
    setting.check(
        "'A1','P''1',1,2,22/11/2026,c1,'10\" x, y\nz'\nA2,P1,1,2,22/11/2026,c1,27\"\n",
        &["2: A1 P'1 x1 2.00 c1 [10\" x, y⏎z]", "4: A2 P1 x1 2.00 c1 [27\"]"],
    );
    setting.check("A1,P1,1,2,22/11/2026,c1,it's\n", &["2: stray_quote text"]);
}

#[test]
fn a_backslash_may_escape_quotes() {
    let setting = quoting(Quote::Is('"'), QuoteEscape::Backslash, true);
    setting.check(
        "A1,P1,1,2,22/11/2026,c1,\"say \\\"hi\\\", ok\"\nA2,\"P\\\\\",1,2,22/11/2026,c1,\"C:\\new\"\n\
         A3,P1,1,2,22/11/2026,c1,\"a \"\"b\"\"\"\nA4,P1,1,2,22/11/2026,c1,\"open\\\"\n",
        &[
            "2: A1 P1 x1 2.00 c1 [say \"hi\", ok]",
            "3: A2 P\\ x1 2.00 c1 [C:\\new]",
            "4: A3 P1 x1 2.00 c1 [a \"b\"]",
            "5: unclosed_quote text",
        ],
    );
}

#[test]
fn fields_may_be_said_to_hold_no_line_ends() {
    let setting = quoting(Quote::Is('"'), QuoteEscape::Doubled, false);
    let rows = "A1,P1,1,2,22/11/2026,c1,\"two\nlines\"\r\nA2,\"P,2\",1,2,22/11/2026,c2,\"x\"\r\n";
    setting.check(
        rows,
        &["2: unclosed_quote text", "3: stray_quote order", "4: A2 P,2 x1 2.00 c2 [x]"],
    );
    let (part, _) = setting.read(format!("{HEADER}{rows}").as_bytes(), 9).unwrap();
    assert_eq!(part.rejects[0].reason, "a quote is not closed on its line");
}

#[test]
fn the_spreadsheet_notation_to_keep_zeros_is_read_as_text() {
    check(
        "=\"0017\",=\"P0\",=\"2\",=\"1.50\",22/11/2026,=\"099\",=\"x\"\n\
         \"=\"\"0018\"\"\",P1,1,2,22/11/2026,c,\"=\"\" 007 \"\"\"\n=\"0019\"x,P1,1,2,22/11/2026,c,x\n",
        &["2: 0017 P0 x2 1.50 099 [x]", "3: 0018 P1 x1 2.00 c [007]", "4: text_after_quote order"],
    );
    let setting = quoting(Quote::None, QuoteEscape::Doubled, true);
    setting.check("=\"0017\",P1,1,2,22/11/2026,c,\"x\"\n", &["2: 0017 P1 x1 2.00 c [\"x\"]"]);
}
