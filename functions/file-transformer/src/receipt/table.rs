//! The receipt as a table for a spreadsheet: one line for each fact.

use super::Receipt;
use intake::ledger::Outcome;
use tabular::output::guarded;

/// Header of the table.
const HEADER: [&str; 3] = ["what", "value", "note"];

impl Receipt<'_> {
    /// The content of the JSON, as CSV.
    pub(crate) fn csv(&self) -> Vec<u8> {
        let mut rows = self.file();
        rows.extend(self.rows());
        rows.extend(self.control());
        rows.extend(self.orders());
        rows.extend(self.rejects());
        rows.extend(self.profile());
        rows.extend(self.changed_row.clone());
        let mut csv = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(HEADER.map(ToOwned::to_owned)).chain(rows) {
            let guarded = row.iter().map(|cell| guarded(cell).into_owned());
            csv.write_record(guarded).expect("memory takes it all");
        }
        csv.into_inner().expect("memory takes it all")
    }

    fn file(&self) -> Vec<[String; 3]> {
        let (decision, reason) = match self.outcome {
            Outcome::Accepted => ("accepted", String::new()),
            Outcome::Refused { reason } => ("refused", reason.clone()),
            Outcome::Duplicate { of } => {
                ("duplicate", format!("the same content came before, as arrival {of}"))
            }
        };
        let mut rows = vec![
            row("partner", self.partner, ""),
            row("file", self.file, &format!("{} bytes", self.size)),
            row("SHA-256", self.sha256.unwrap_or_default(), ""),
            row("arrived at", &self.arrived_at.to_rfc3339(), ""),
            row("decision", decision, &reason),
        ];
        if let Some(found) = &self.found {
            let header = format!("the header is line {}", found.header_line);
            rows.push(row("encoding", &found.encoding, ""));
            rows.push(row("delimiter", &found.delimiter, &header));
            let texts = |what, texts: &[String]| -> Vec<[String; 3]> {
                texts.iter().map(|text| row(what, text, "not a row")).collect()
            };
            rows.extend(texts("before the header", &found.preamble));
            let again = |line: &u64| row("the header again", &format!("line {line}"), "not a row");
            rows.extend(found.header_again.iter().map(again));
            rows.extend(texts("after the rows", &found.footer));
        }
        rows
    }

    fn rows(&self) -> Vec<[String; 3]> {
        let count = |what, number: u64| row(what, &number.to_string(), "");
        let mut rows: Vec<_> = self.lines.iter().map(|lines| count("lines", *lines)).collect();
        rows.push(count("rows", self.rows));
        rows.push(count("rows accepted", self.accepted));
        rows.push(count("rows rejected", self.rejected));
        if self.filtered > 0 {
            rows.push(count("rows left out", self.filtered));
        }
        rows
    }

    fn control(&self) -> Vec<[String; 3]> {
        let compared = self.control.iter().map(|compared| {
            let what = format!("{} {}", compared.source.as_str(), compared.figure.as_str());
            let note = if compared.agrees { "agrees".to_owned() } else { compared.to_string() };
            row(&what, &compared.stated, &note)
        });
        compared.collect()
    }

    fn orders(&self) -> Vec<[String; 3]> {
        let orders = &self.orders;
        let total =
            |what: &str, amount: domain::Money| row(what, &amount.to_string(), &orders.currency);
        let mut rows = vec![
            row("orders sent on", &orders.placed.to_string(), "each is decided later"),
            row("orders rejected", &orders.rejected.to_string(), ""),
            row("sales", &orders.sales.to_string(), ""),
            total("sales total", orders.sales_total),
            row("returns", &orders.returns.to_string(), ""),
            total("returns total", orders.returns_total),
        ];
        let charges = orders.charges.iter();
        rows.extend(charges.map(|(kind, sum)| total(&format!("charges: {}", kind.as_str()), *sum)));
        rows
    }

    fn rejects(&self) -> Vec<[String; 3]> {
        let rules = self.rejected_by_rule.iter().map(|(rule, number)| {
            let examples = self.examples.iter().filter(|example| example.rule == *rule);
            let examples = examples.map(|example| {
                let column = example.column.as_deref().unwrap_or_default();
                let gap = if column.is_empty() { "" } else { " " };
                format!("line {}: {column}{gap}{}", example.line, example.reason)
            });
            let examples = examples.collect::<Vec<_>>().join("; ");
            row(&format!("rejected: {rule}"), &number.to_string(), &examples)
        });
        rules.collect()
    }

    fn profile(&self) -> Vec<[String; 3]> {
        let columns = self.columns.iter().map(|column| {
            let range = match (&column.min, &column.max) {
                (Some(min), Some(max)) => format!("from {min} to {max}"),
                _ => String::new(),
            };
            let filled = format!("{} filled, {} empty", column.count, column.empty);
            row(&format!("column {}", column.column), &filled, &range)
        });
        columns.collect()
    }
}

fn row(what: &str, value: &str, note: &str) -> [String; 3] {
    [what, value, note].map(ToOwned::to_owned)
}
