//! Files from the tests of other CSV readers, and worse ones: none hangs, panics or loses a row.

use crate::support::{HEADER, Setting, plain};
use domain::partner::{Columns, Delimiter, Encoding};
use std::fs;
use std::path::Path;
use tabular::Limits;

fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let csv = paths.filter(|path| path.extension().is_some_and(|extension| extension == "csv"));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    csv.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// Settings that can be applied to every file: plain ones, with the first columns of the file, and with
/// other options.
fn settings(file: &[u8]) -> Vec<Setting> {
    let mut setting = plain();
    setting.format.delimiter = Delimiter::Auto;
    setting.format.encoding = Encoding::Auto;
    let text = String::from_utf8_lossy(file);
    let header = text.trim_start_matches('\u{FEFF}').lines().next().unwrap_or_default();
    let names: Vec<&str> = header.split(',').collect();
    let mut own = setting.clone();
    if let [order, product, quantity, price, date, ..] = names.as_slice() {
        own.format.columns = Columns {
            order_id: (*order).into(),
            product_id: (*product).into(),
            quantity: (*quantity).into(),
            unit_price: (*price).into(),
            ordered_at: (*date).into(),
            ..Columns::default()
        };
        own.rules.customer_required = false;
    }
    let mut odd = setting.clone();
    odd.format.continued_rows = true;
    odd.format.footer_lines = 1;
    odd.format.preamble_lines = 1;
    odd.format.encoding = Encoding::Utf16;
    let mut small = setting.clone();
    small.limits.record_bytes_max = 16;
    small.limits.raw_bytes_max = 3;
    vec![setting, own, odd, small]
}

#[test]
fn other_readers_torture_files_are_read_the_same_however_they_are_cut() {
    let files = files();
    assert_eq!(files.len(), 30);
    for (name, file) in files {
        let under_header = [HEADER.as_bytes(), &file].concat();
        for setting in settings(&file) {
            // Not every configuration is valid.
            let limits = setting.limits;
            let new =
                tabular::Transform::new(&setting.format, &setting.rules, setting.zone, limits);
            if new.is_err() {
                continue;
            }
            for file in [&file, &under_header] {
                // `read` checks rows == accepted + rejected.
                let whole = setting.read(file, usize::MAX);
                for (workers, block_bytes) in [(1, 1), (2, 10), (7, 64)] {
                    let mut setting = setting.clone();
                    setting.limits = Limits { workers, block_bytes, ..setting.limits };
                    assert_eq!(setting.read(file, 5), whole, "{name}, {workers} {block_bytes}");
                }
            }
        }
    }
}

#[test]
fn a_file_of_zero_bytes_or_of_one_byte_has_an_answer() {
    for file in [b"".as_slice(), b"\0", b"\n", b"\"", b",", b"\xFF", b"\r", b"x"] {
        for setting in settings(file) {
            assert!(setting.read(file, 1).is_err());
            let row = [HEADER.as_bytes(), file].concat();
            assert_eq!(setting.read(&row, 1), setting.read(&row, 100));
        }
    }
}

#[test]
fn a_file_of_nothing_but_zero_bytes_is_refused() {
    let expected = "line 1: the header is unreadable: is longer than 65536 bytes";
    assert_eq!(plain().outcome(&[0; 300_000]), [expected]);
    assert_eq!(settings(b"").remove(0).outcome(&[0; 300_000]), [expected]);
}

#[test]
fn a_row_may_have_ten_thousand_columns() {
    let mut setting = plain();
    setting.limits.record_bytes_max = 1 << 20;
    let more: String = (0..10_000).map(|i| format!(",more{i}")).collect();
    let rows = format!(
        "A1,P1,1,2,22/11/2026,c1,x{}\nA2,P1,1,2,22/11/2026,c1,x{}\nA3,P1,1,2,22/11/2026,c1,x\n",
        ",".repeat(10_000),
        ",".repeat(9_999),
    );
    let file = format!("{}{more}\n{rows}", HEADER.trim_end());
    let expected = ["2: A1 P1 x1 2.00 c1 [x]", "3: too_few_fields", "4: too_few_fields"];
    assert_eq!(setting.outcome(file.as_bytes()), expected);
}

#[test]
fn a_megabyte_of_blank_lines_before_the_header_is_passed_over() {
    let file = format!("{}{HEADER}A1,P1,1,2,22/11/2026,c1,x\n", "\n".repeat(1 << 20));
    assert_eq!(plain().outcome(file.as_bytes()), ["1048578: A1 P1 x1 2.00 c1 [x]"]);
}

/// A quote on every line, so that no line end is a safe place to cut: still the same result, in
/// reasonable time.
#[test]
fn quotes_everywhere_cost_no_more_than_reading_twice() {
    let row = "A1,P1,1,2,22/11/2026,c1,\"a\nb\"\n";
    let file = format!("{HEADER}{}", row.repeat(20_000));
    let mut setting = plain();
    setting.rules.duplicates = domain::partner::Duplicates::Off;
    let whole = setting.read(file.as_bytes(), usize::MAX).unwrap();
    assert_eq!(whole.1.accepted, 20_000);
    setting.limits = Limits { workers: 3, block_bytes: 1000, ..setting.limits };
    assert_eq!(setting.read(file.as_bytes(), 100_000).unwrap(), whole);
    let unclosed = format!("{HEADER}{}", "A1,P1,1,2,22/11/2026,c1,\"a\n".repeat(2_001));
    let whole = plain().read(unclosed.as_bytes(), usize::MAX).unwrap();
    assert_eq!(setting.read(unclosed.as_bytes(), 100_000).unwrap().1.rows, whole.1.rows);
}
