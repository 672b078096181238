//! Results as CSV: the accepted rows and the rejects.
//!
//! People open both in a spreadsheet, which takes a cell that starts with `=`, `+`, `-`, `@`, a tab
//! or a carriage return for a formula. Such a text gets a leading `'`, unless it is a plain number.

use crate::batch::Batch;
use crate::profile::rfc3339;
use crate::reject::Reject;
use domain::Money;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

/// Header of the accepted rows.
pub const OUTPUT_HEADER: [&str; 9] = [
    "order_id",
    "product_id",
    "description",
    "quantity",
    "unit_price",
    "ordered_at",
    "customer_id",
    "region",
    "category",
];
/// Header of the rejects.
pub const REJECTS_HEADER: [&str; 5] = ["line", "column", "rule", "reason", "raw"];

/// Writes accepted rows.
#[derive(Debug)]
pub struct OutputWriter<W: io::Write> {
    csv: csv::Writer<W>,
    number: String,
    /// The last date written: the rows of an order mostly carry the same one.
    last_date: Option<(i64, String)>,
}

impl<W: io::Write> OutputWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// What `to` says.
    pub fn new(to: W) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(to);
        csv.write_record(OUTPUT_HEADER)?;
        Ok(Self { csv, number: String::new(), last_date: None })
    }

    /// Writes the rows of `batch`.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        for row in batch.rows() {
            self.text(row.order_id)?;
            self.text(row.product_id)?;
            self.text(row.description)?;
            self.number(&row.quantity)?;
            self.number::<Money>(&row.unit_price)?;
            if self.last_date.as_ref().is_none_or(|(millis, _)| *millis != row.ordered_at) {
                self.last_date = Some((row.ordered_at, rfc3339(row.ordered_at)));
            }
            if let Some((_, date)) = &self.last_date {
                self.csv.write_field(date)?;
            }
            self.text(row.customer_id)?;
            self.text(row.region)?;
            self.text(row.category)?;
            self.csv.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    /// Flushes, and gives the writer below back.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.csv.write_field(guarded(text).as_bytes())?;
        Ok(())
    }

    fn number<N: std::fmt::Display>(&mut self, number: &N) -> io::Result<()> {
        self.number.clear();
        write!(self.number, "{number}").map_err(io::Error::other)?;
        self.csv.write_field(&self.number)?;
        Ok(())
    }
}

/// Writes rejected rows.
#[derive(Debug)]
pub struct RejectsWriter<W: io::Write> {
    csv: csv::Writer<W>,
}

impl<W: io::Write> RejectsWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// What `to` says.
    pub fn new(to: W) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(to);
        csv.write_record(REJECTS_HEADER)?;
        Ok(Self { csv })
    }

    /// Writes `rejects`. Bytes that are not UTF-8 become `�`.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn write(&mut self, rejects: &[Reject]) -> io::Result<()> {
        for reject in rejects {
            self.csv.write_record([
                reject.line.to_string().as_str(),
                &guarded(reject.column.as_deref().unwrap_or_default()),
                reject.rule.code(),
                &guarded(&reject.reason),
                &guarded(&String::from_utf8_lossy(&reject.raw)),
            ])?;
        }
        Ok(())
    }

    /// Flushes, and gives the writer below back.
    ///
    /// # Errors
    /// What the writer below says.
    pub fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// `text` as a spreadsheet may have it: for whoever writes a CSV of their own.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') if !is_number(text) => {
            Cow::Owned(format!("'{text}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// A sign, digits, and at most one decimal mark between them.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, places) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject::Rule;

    #[test]
    fn a_text_that_a_spreadsheet_would_run_is_guarded() {
        for text in ["=1+1", "+44 20", "-x", "@SUM(A1)", "\tx", "\r=1", "-1-2", "-", "-1.", "+"] {
            assert_eq!(guarded(text), format!("'{text}"));
        }
    }

    #[test]
    fn a_plain_text_or_number_is_left_alone() {
        for text in ["", "a=b", "-5", "+5", "-12.50", "-12,50", "536365", "'x"] {
            assert_eq!(guarded(text), text);
        }
    }

    #[test]
    fn rows_come_out_as_clean_csv() {
        let mut batch = Batch::default();
        batch.push(&crate::Row {
            line: 2,
            order_id: "C1",
            product_id: "P1",
            description: "=a, \"b\"",
            quantity: -5,
            unit_price: Money::from_units(25_500),
            ordered_at: 1_323_419_940_500,
            customer_id: "",
            region: "España",
            category: "two\nlines",
        });
        let mut writer = OutputWriter::new(Vec::new()).unwrap();
        writer.write(&batch).unwrap();
        assert_eq!(
            String::from_utf8(writer.finish().unwrap()).unwrap(),
            "order_id,product_id,description,quantity,unit_price,ordered_at,customer_id,region,\
             category\nC1,P1,\"'=a, \"\"b\"\"\",-5,2.55,2011-12-09T08:39:00.500Z,,España,\
             \"two\nlines\"\n"
        );
    }

    #[test]
    fn rejects_carry_line_column_rule_reason_and_the_raw_record() {
        let reject = Reject {
            line: 7,
            column: Some("Menge".into()),
            rule: Rule::BadQuantity,
            reason: "is odd".into(),
            raw: b"=1,\xFF,\"x\"".to_vec(),
            order_id: None,
        };
        let mut writer = RejectsWriter::new(Vec::new()).unwrap();
        writer.write(&[reject]).unwrap();
        assert_eq!(
            String::from_utf8(writer.finish().unwrap()).unwrap(),
            "line,column,rule,reason,raw\n7,Menge,bad_quantity,is odd,\"'=1,\u{FFFD},\"\"x\"\"\"\n"
        );
    }
}
