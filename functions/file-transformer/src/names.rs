//! Names of what comes of a file.

use intake::ledger::{Outcome, Record, Results};

/// The names, the same each time, because they come from the arrival and the content.
pub(crate) fn names(
    record: &Record,
    sha256: &str,
    has_rejects: bool,
    outcome: &Outcome,
) -> Results {
    // Files of one day that differ in their ending have different results, too.
    let (stem, ending) = match record.name.rsplit_once('.') {
        Some((stem, "csv")) => (stem, ".csv".to_owned()),
        Some((_, ending)) => (record.name.as_str(), format!(".{ending}")),
        None => (record.name.as_str(), String::new()),
    };
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
                Some("depot/orders.19700101T000000Z-01234567.rejects.csv"),
                Some("depot/orders.19700101T000000Z-01234567.receipt.json"),
                Some("quarantine/orders.19700101T000000Z-01234567"),
            ],
        );
    }
}
