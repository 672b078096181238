//! Properties that hold for every input.

use crate::support::{HEADER, Setting, plain};
use domain::partner::Duplicates;
use proptest::prelude::*;
use tabular::Rule;

/// Bytes that often trigger the special cases of the scanner.
fn torture() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            ",", "\"", "\"\"", "\n", "\r\n", "\r", "\0", "\u{FEFF}", "é", " ", "x", ";",
            "A1,P1,1,2,2026-11-22 10:00:00,c1,x\n",
            "A2,\"P,2\",1,2,2026-11-22 10:00:00,c1,\"x\ny\"\r\n",
            "A3,P1,1,2,2026-11-22 10:00:00,c1,",
            "A4,\"P1,1,2,2026-11-22 10:00:00,c1,x\n",
            ",P1,1,2,,,x\n",
            "A1,P1,1,2,,,x\n",
            "A2,P1,x,2,2026-11-22 10:00:00,c1,x\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// With a small record limit, so that it is reached.
fn setting() -> Setting {
    let mut setting = plain();
    setting.limits.record_bytes_max = 96;
    setting.limits.raw_bytes_max = 48;
    setting
}

/// A realistic field.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,6}",
        Just("a,b".to_owned()),
        Just("say \"hi\"".to_owned()),
        Just("two\nlines".to_owned()),
        Just("two\r\nlines".to_owned()),
        Just("\"".to_owned()),
        Just("ünïcode 🛒".to_owned()),
        Just("'0815".to_owned()),
        Just("'=1+1".to_owned()),
        Just("'tis".to_owned()),
        "[ -~]{0,12}",
    ]
}

/// `text` cleaned as documented: without surrounding spaces, and without the apostrophe that a
/// spreadsheet puts before texts that look like a number or a formula.
fn cleaned(text: &str) -> String {
    let text = text.trim();
    let text =
        text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    let Some(rest) = text.strip_prefix('\'') else { return text.to_owned() };
    let number = rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.trim_matches(|c: char| c.is_ascii_digit() || ".,-+ ".contains(c)).is_empty();
    let formula = rest.starts_with(['=', '+', '-', '@']);
    if number || formula { rest.to_owned() } else { text.to_owned() }
}

proptest! {
    #[test]
    fn any_bytes_are_counted_and_none_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        // `read` checks rows == accepted + rejected.
        _ = setting().read(&bytes, usize::MAX);
        _ = setting().read(&[HEADER.as_bytes(), &bytes].concat(), usize::MAX);
    }

    #[test]
    fn where_a_file_is_cut_changes_nothing(
        rows in torture(),
        header in any::<bool>(),
        cuts in prop::collection::vec(0_usize..200, 0..12),
        windows_1252 in any::<bool>(),
    ) {
        let mut setting = setting();
        if windows_1252 {
            setting.format.encoding = domain::partner::Encoding::Windows1252;
        }
        let file = if header { [HEADER.as_bytes(), &rows].concat() } else { rows };
        let whole = setting.read(&file, usize::MAX);
        prop_assert_eq!(&setting.read(&file, 1), &whole);
        prop_assert_eq!(&setting.read(&file, 7), &whole);
        let mut left = file.as_slice();
        let mut blocks = Vec::new();
        for cut in cuts {
            let (block, rest) = left.split_at(cut.min(left.len()));
            blocks.push(block);
            left = rest;
        }
        blocks.push(left);
        prop_assert_eq!(&setting.read_blocks(blocks.into_iter()), &whole);
    }

    /// Blocks begin anywhere: inside quotes, defects, line ends and characters.
    #[test]
    fn any_number_of_workers_and_any_size_of_blocks_give_the_same(
        rows in torture(),
        block_bytes in prop::sample::select(vec![1, 7, 64, 100, 333, 4 << 20]),
        workers in prop::sample::select(vec![1, 2, 7]),
        duplicates in prop::sample::select(vec![
            Duplicates::Off, Duplicates::PerOrder, Duplicates::WholeFile,
        ]),
        footer_lines in 0..3_u32,
        footer_marker in any::<bool>(),
        continued_rows in any::<bool>(),
        seen_bytes_max in prop::sample::select(vec![0, 100, 400_000]),
    ) {
        let mut setting = setting();
        setting.rules.duplicates = duplicates;
        setting.format.footer_lines = footer_lines;
        setting.format.footer_marker = footer_marker.then(|| "é".to_owned());
        setting.format.continued_rows = continued_rows;
        let file = [HEADER.as_bytes(), &rows, b"\n", &rows].concat();
        let whole = setting.read(&file, usize::MAX);
        setting.limits.block_bytes = block_bytes;
        setting.limits.workers = workers;
        setting.limits.seen_bytes_max = seen_bytes_max;
        prop_assert_eq!(&setting.read(&file, usize::MAX), &whole);
        prop_assert_eq!(&setting.read(&file, 50), &whole);
    }

    #[test]
    fn a_broken_line_costs_no_good_row_after_it(rows in torture()) {
        // The good rows have no quotes, so a quote that is open before them is not closed in them.
        let mut setting = setting();
        setting.rules.duplicates = Duplicates::Off;
        let good = "Z9,P9,1,2,2026-11-22 10:00:00,c9,\n".repeat(4);
        let file = [HEADER.as_bytes(), &rows, b"\n", good.as_bytes()].concat();
        let (part, _) = setting.read(&file, usize::MAX).unwrap();
        let kept = part.batch.rows().filter(|row| row.order_id == "Z9").count();
        prop_assert_eq!(kept, 4);
    }

    #[test]
    fn line_numbers_and_raw_text_are_those_of_the_file(rows in torture()) {
        let file = [HEADER.as_bytes(), &rows].concat();
        let (part, _) = setting().read(&file, usize::MAX).unwrap();
        for reject in &part.rejects {
            let line = usize::try_from(reject.line).unwrap() - 1;
            let start: usize =
                file.split_inclusive(|byte| *byte == b'\n').take(line).map(<[u8]>::len).sum();
            let mut line = &file[start..];
            // A byte order mark is not part of a row.
            while let Some(rest) = line.strip_prefix("\u{FEFF}".as_bytes()) {
                line = rest;
            }
            prop_assert!(line.starts_with(&reject.raw), "{:?}", reject);
        }
        prop_assert!(part.rejects.windows(2).all(|pair| pair[0].line < pair[1].line));
        prop_assert!(part.batch.line.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn what_the_csv_crate_writes_and_reads_is_read_the_same(
        rows in prop::collection::vec(prop::collection::vec(text(), 7), 0..8),
        quote_all in any::<bool>(),
        crlf in any::<bool>(),
        delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
    ) {
        let style = if quote_all { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .quote_style(style)
            .terminator(end)
            .from_writer(Vec::new());
        writer.write_record(HEADER.trim_end().split(',')).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let mut setting = plain();
        setting.format.delimiter = char::from(delimiter).into();
        let (part, summary) = setting.read(&file, usize::MAX).unwrap();
        let reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file.as_slice());
        let read: Vec<csv::StringRecord> =
            reader.into_records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(summary.rows, read.len() as u64);
        // No structural defects: only values can be wrong.
        for reject in &part.rejects {
            prop_assert!(reject.rule >= Rule::MissingOrderId, "{:?}", reject);
            if reject.rule == Rule::MissingOrderId {
                continue;
            }
            let record = csv::ReaderBuilder::new()
                .delimiter(delimiter)
                .has_headers(false)
                .from_reader(reject.raw.as_slice())
                .into_records()
                .next()
                .unwrap()
                .unwrap();
            prop_assert!(read.contains(&record));
        }
    }

    #[test]
    fn good_values_come_out_as_they_went_in(
        rows in prop::collection::vec((text(), 1..1000_i64, 1..1_000_000_i64), 0..20),
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER.trim_end().split(',')).unwrap();
        for (i, (text, quantity, units)) in rows.iter().enumerate() {
            let price = domain::Money::from_units(*units).to_string();
            let date = "2026-11-22 10:00:00";
            let record = [&format!("A{i}"), "P 1", &quantity.to_string(), &price, date, "c", text];
            writer.write_record(record).unwrap();
        }
        let (part, _) = plain().read(&writer.into_inner().unwrap(), 16).unwrap();
        let got: Vec<_> = part
            .batch
            .rows()
            .map(|row| (row.description.to_owned(), row.quantity, row.unit_price.units()))
            .collect();
        let expected: Vec<_> =
            rows.iter().map(|(text, q, units)| (cleaned(text), *q, *units)).collect();
        prop_assert_eq!(got, expected);
    }
}
