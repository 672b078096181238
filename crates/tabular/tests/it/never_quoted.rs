//! An independent check besides the csv crate: exports that never quote, in which the csv crate itself
//! would lose rows. Every row must be accepted unchanged, or rejected with its line.

use crate::support::{HEADER, Setting, plain};
use domain::partner::{Duplicates, Quote};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tabular::{Limits, Part, Summary};

/// Number of simulated files; the variable `NEVER_QUOTED_FILES` changes it.
const FILES: u64 = 1_000;
const ROWS_MAX: u64 = 80;

/// Pseudo-random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.roll(choices.len() as u64)).unwrap()]
    }
}

/// A product name as in shops: 4 % end with an inch sign, 1 % begin with a quote.
fn name(dice: &mut Dice) -> String {
    let name =
        dice.of(&["Lamp oak", "Monitor 27", "Frame 8 x 10", "Throw", "Cup", "5 m cable", ""]);
    let (front, end) = match dice.roll(100) {
        0..4 => ("", "\""),
        4 => ("\"", dice.of(&["", "", "\" blanket"])),
        _ => ("", ""),
    };
    format!("{front}{name}{end}")
}

/// The content of a row: its order, product and pieces.
type Said = (String, String, i64);

/// A file, and the content of each line that is a row.
fn file(seed: u64) -> (String, char, BTreeMap<u64, Said>) {
    let mut dice = Dice(seed);
    let delimiter = dice.of(&['\t', ',', ';', '|']);
    let end = dice.of(&["\n", "\r\n"]);
    let mut columns = ["order", "sku", "qty", "price", "date", "customer", "text", "note"];
    for i in (1..columns.len()).rev() {
        columns.swap(i, usize::try_from(dice.roll(i as u64 + 1)).unwrap());
    }
    let glue = delimiter.to_string();
    let mut text = columns.join(&glue) + end;
    let mut rows = BTreeMap::new();
    let count = 1 + dice.roll(ROWS_MAX);
    for n in 0..count {
        let said = (
            format!("A{}", n / 2),
            format!("P{}", dice.roll(9)),
            i64::try_from(1 + dice.roll(9)).unwrap(),
        );
        let cells = columns.iter().map(|column| match *column {
            "order" => said.0.clone(),
            "sku" => said.1.clone(),
            "qty" => said.2.to_string(),
            "price" => dice.of(&["2.50", "10.00", "3"]).to_owned(),
            "date" => "2026-11-22 10:00:00".to_owned(),
            "customer" => format!("c{}", n / 2),
            "text" => name(&mut dice),
            _ => dice.of(&["", "", "gift", "size 10\""]).to_owned(),
        });
        text += &cells.collect::<Vec<_>>().join(&glue);
        // The last line may have no line end.
        text += if n + 1 < count || dice.roll(2) == 0 { end } else { "" };
        rows.insert(n + 2, said);
    }
    (text, delimiter, rows)
}

/// Every row is accepted unchanged or rejected with its line, and no other line is.
fn judge(rows: &BTreeMap<u64, Said>, (part, summary): &(Part, Summary)) -> Result<(), String> {
    let accepted = part.batch.rows().map(|row| {
        let said = (row.order_id.to_owned(), row.product_id.to_owned(), row.quantity);
        (row.line, Some(said))
    });
    let rejected = part.rejects.iter().map(|reject| (reject.line, None));
    let mut left = rows.clone();
    for (line, read) in accepted.chain(rejected) {
        let said = left.remove(&line).ok_or(format!("line {line} is no row, or one twice"))?;
        if read.as_ref().is_some_and(|read| *read != said) {
            return Err(format!("line {line} says {said:?} and was read as {read:?}"));
        }
    }
    if !left.is_empty() || summary.rows != rows.len() as u64 {
        return Err(format!("{} of {} rows are lost: {left:?}", left.len(), rows.len()));
    }
    Ok(())
}

fn setting(delimiter: char) -> Setting {
    let mut setting = plain();
    setting.format.delimiter = delimiter.into();
    setting.rules.duplicates = Duplicates::Off;
    setting
}

#[test]
fn no_row_of_exports_that_never_quote_is_lost_unreported() {
    #[expect(clippy::disallowed_methods, reason = "a test is told here how long it may take")]
    let files = std::env::var("NEVER_QUOTED_FILES").map_or(FILES, |files| files.parse().unwrap());
    let (mut rows, mut rejected) = (0, 0);
    for seed in 0..files {
        let (text, delimiter, said) = file(seed);
        let mut setting = setting(delimiter);
        let read = setting.read(text.as_bytes(), usize::MAX).unwrap();
        judge(&said, &read).unwrap_or_else(|wrong| panic!("file {seed}: {wrong}\n{text}"));
        assert_eq!(read.1.lines, said.len() as u64 + 1, "file {seed}");
        (rows, rejected) = (rows + read.1.rows, rejected + read.1.rejected());
        // If quotes are configured as unused, all rows are read.
        setting.format.quote = Quote::None;
        setting.limits = Limits { workers: 2, block_bytes: 200, ..setting.limits };
        let read = setting.read(text.as_bytes(), usize::MAX).unwrap();
        assert_eq!(read.1.rejected(), 0, "file {seed}");
        judge(&said, &read).unwrap_or_else(|wrong| panic!("file {seed}: {wrong}\n{text}"));
    }
    // Each row has an inch sign or a quote in one of twenty names, and in one of four notes.
    assert!(rejected * 100 < rows * 60 && rows < rejected * 10, "{rejected} of {rows}");
}

/// A line of a file, and whether it is a row.
fn line() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        4 => ("[a-c]{0,3}", any::<bool>()).prop_map(|(text, marked)| {
            let mark = if marked { "\u{FEFF}" } else { "" };
            (format!("{mark}A1,P1,1,2,2026-11-22 10:00:00,c1,{text}"), true)
        }),
        2 => prop::sample::select(vec![
            "A1,P1,1,2,2026-11-22 10:00:00,c1,\"open",
            "A1,\"P1,1,2,2026-11-22 10:00:00,c1,x",
            "\"A1,P1,1,2,2026-11-22 10:00:00,c1,x",
            "A1,P1,1,2,2026-11-22 10:00:00,c1,27\"",
            "A1,P1\",1,2,2026-11-22 10:00:00,c1,27",
            "A1,P1,1,2,2026-11-22 10:00:00,c1,\"x\"",
            "A1,P1,x,2,2026-11-22 10:00:00,c1,bad",
            "A1,P1,1,2,soon,c1,bad",
            "A1,P1,1,2,2026-11-22 10:00:00,c1,Total eclipse",
            "A1,P1,1,2,2026-11-22 10:00:00,c1,one, too many",
        ]).prop_map(|text| (text.to_owned(), true)),
        2 => prop::sample::select(vec![
            HEADER.trim_end(), "\u{FEFF}order,sku,qty,price,date,customer,text",
            "Order , SKU,QTY,price,date,customer,text", "", "\u{FEFF}", ",,,,,,", "a remark", "Total,,2,4.00,,,",
            "Total", "x,\"y", "z\",1",
        ]).prop_map(|text| (text.to_owned(), false)),
    ]
}

proptest! {
    #[test]
    fn every_line_that_looks_like_an_order_is_accepted_rejected_or_reported_as_skipped(
        lines in prop::collection::vec(line(), 0..30),
        crlf in any::<bool>(),
        footer_lines in 0..4_u32,
        marker in any::<bool>(),
        line_ends in any::<bool>(),
        quoted in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let text: String = lines.iter().map(|(line, _)| format!("{line}{end}")).collect();
        let mut setting = setting(',');
        setting.format.footer_lines = footer_lines;
        setting.format.footer_marker = marker.then(|| "Total".to_owned());
        setting.format.line_ends_in_fields = line_ends;
        setting.format.quote = if quoted { Quote::default() } else { Quote::None };
        // Refusing the whole file also counts as a report.
        let Ok((part, summary)) = setting.read([HEADER, &text].concat().as_bytes(), 33) else {
            return Ok(());
        };
        prop_assert_eq!(summary.lines, lines.len() as u64 + 1);
        let mut said: Vec<u64> = part.batch.line.clone();
        said.extend(part.rejects.iter().map(|reject| reject.line));
        let footer = &summary.detected.footer;
        for (line, (text, _)) in (2..).zip(&lines).filter(|(_, (_, is_row))| *is_row) {
            let is_there = said.contains(&line) || footer.iter().any(|said| said == text.trim());
            prop_assert!(is_there, "line {} is lost: {:?}", line, text);
        }
    }
}
