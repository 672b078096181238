//! The names of a file's results.

use intake::ledger::{Outcome, Record, Results};

/// File systems allow names of 255 bytes, and `.20240203T080000Z-0123abcd.decisions.csv` is appended.
const STEM_BYTES_MAX: usize = 200;
const ENDING_BYTES_MAX: usize = 16;
/// `~` and eight digits.
const MARK_BYTES: usize = 9;

/// The names. They depend only on the arrival and the content, so they are always the same.
pub(crate) fn names(
    record: &Record,
    sha256: &str,
    has_rejects: bool,
    outcome: &Outcome,
) -> Results {
    let (stem, ending) = parts(&record.name, &record.arrival);
    let time = record.arrived_at.format("%Y%m%dT%H%M%SZ");
    let short: String = sha256.chars().take(8).collect();
    let tag = format!("{stem}.{time}-{short}");
    let (accepted, refused, folder) = match outcome {
        Outcome::Accepted => (true, false, archive(record)),
        Outcome::Refused { .. } => (false, true, "quarantine".to_owned()),
        Outcome::Duplicate { .. } => (false, false, archive(record)),
    };
    Results {
        output: accepted.then(|| format!("depot/{tag}.output.csv")),
        rejects: (has_rejects && (accepted || refused)).then(|| format!("depot/{tag}.rejects.csv")),
        receipt: Some(format!("depot/{tag}.receipt.json")),
        receipt_csv: Some(format!("depot/{tag}.receipt.csv")),
        original: Some(format!("{folder}/{tag}{ending}")),
    }
}

/// The stem of the results' names, and the extension of the original. Files of one day with different
/// names also have different results.
fn parts(name: &str, arrival: &str) -> (String, String) {
    let mark: String = arrival.chars().take(8).collect();
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, "csv")) => (stem.to_owned(), ".csv".to_owned()),
        Some((_, ending)) if ending.len() < ENDING_BYTES_MAX => {
            (name.to_owned(), format!(".{ending}"))
        }
        // `orders` and `orders.csv` must have different results.
        _ => (format!("{}~{mark}", cut(name)), String::new()),
    };
    let stem = if stem.len() <= STEM_BYTES_MAX { stem } else { format!("{}~{mark}", cut(&stem)) };
    (stem, ending)
}

/// The first characters of a long name.
fn cut(name: &str) -> String {
    let keep = |(at, char): &(usize, char)| at + char.len_utf8() <= STEM_BYTES_MAX - MARK_BYTES;
    name.char_indices().take_while(keep).map(|(_, char)| char).collect()
}

fn archive(record: &Record) -> String {
    format!("archive/{}", record.arrived_at.format("%Y-%m-%d"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::PartnerId;

    #[track_caller]
    fn check(name: &str, outcome: &Outcome, expected: [Option<&str>; 4]) {
        let us1 = PartnerId::parse("US1").unwrap();
        let record = Record::new("a".into(), us1, name.into(), 1, 1, DateTime::UNIX_EPOCH);
        let names = names(&record, "0123456789abcdef", true, outcome);
        let names = [names.output, names.rejects, names.receipt, names.original];
        assert_eq!(names, expected.map(|name| name.map(ToOwned::to_owned)));
    }

    #[test]
    fn names_come_from_the_file_its_arrival_and_its_content() {
        check(
            "orders.csv",
            &Outcome::Accepted,
            [
                Some("depot/orders.19700101T000000Z-01234567.output.csv"),
                Some("depot/orders.19700101T000000Z-01234567.rejects.csv"),
                Some("depot/orders.19700101T000000Z-01234567.receipt.json"),
                Some("archive/1970-01-01/orders.19700101T000000Z-01234567.csv"),
            ],
        );
        check(
            "orders.txt",
            &Outcome::Duplicate { of: "b".into() },
            [
                None,
                None,
                Some("depot/orders.txt.19700101T000000Z-01234567.receipt.json"),
                Some("archive/1970-01-01/orders.txt.19700101T000000Z-01234567.txt"),
            ],
        );
        check(
            "orders",
            &Outcome::Refused { reason: "x".into() },
            [
                None,
                Some("depot/orders~a.19700101T000000Z-01234567.rejects.csv"),
                Some("depot/orders~a.19700101T000000Z-01234567.receipt.json"),
                Some("quarantine/orders~a.19700101T000000Z-01234567"),
            ],
        );
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let long =
            ["a".repeat(251), "é".repeat(125), "x".repeat(254), format!("a.{}", "b".repeat(250))];
        for name in long.iter().flat_map(|name| [name.clone(), format!("{name}.csv")]) {
            let mut names = Vec::new();
            for arrival in ["0123456789", "abcdefghij"] {
                let (stem, ending) = parts(&name, arrival);
                let tag = format!("{stem}.20240203T080000Z-0123abcd");
                assert!(tag.len() + ".decisions.csv".len().max(ending.len()) <= 255, "{tag}");
                names.push(tag);
            }
            assert_ne!(names[0], names[1]);
        }
        assert_eq!(parts("2024.01.csv", "0"), ("2024.01".into(), ".csv".into()));
    }
}
