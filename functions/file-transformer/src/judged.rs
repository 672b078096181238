//! A file that was read to its end, with its results: the part that needs neither the partner's server
//! nor NATS.

use crate::control::{self, Sides};
use crate::failure::Failure;
use crate::receipt::Readable;
use crate::results::{self, Results};
use crate::spool::{Content, Pass};
use domain::partner::Partner;
use intake::ledger::{Counts, Record};
use std::fs::File;
use std::path::Path;
use tabular::Rule;

/// The result of the first two passes.
pub(crate) struct Judged {
    pub(crate) pass: Pass,
    /// `None` for a file that is unreadable as a whole.
    pub(crate) results: Option<Results>,
    control: control::Verdict,
}

impl Judged {
    /// Runs the second pass. `file` is the name to which `sides` belong.
    pub(crate) fn new(
        mut pass: Pass,
        file: &str,
        sides: &Sides,
        partner: &Partner,
        scratch: &Path,
    ) -> Result<Self, Failure> {
        let control = control::compare(partner, file, sides, &pass);
        let written = match &mut pass.content {
            Ok(content) => results::write(content, partner, scratch)?,
            Err(_) => return Ok(Self { pass, results: None, control }),
        };
        let results = match written {
            Ok(results) => Some(results),
            Err(apart) => {
                pass.content = Err(apart.into());
                None
            }
        };
        Ok(Self { pass, results, control })
    }

    /// Why the file is refused as a whole, if it is: it is unreadable, differs from its control totals,
    /// or breaks the partner's policy.
    pub(crate) fn refusal(&self, partner: &Partner) -> Option<String> {
        let (results, filtered) = match (&self.pass.content, &self.results) {
            (Err(error), _) => return Some(error.to_string()),
            (Ok(content), results) => (results.as_ref()?, content.summary.filtered),
        };
        if let Some(reason) = &self.control.refusal {
            return Some(reason.clone());
        }
        let harmless = Rule::ALL.iter().filter(|rule| rule.is_harmless());
        let harmless = harmless.filter_map(|rule| results.rejected_by_rule.get(rule.code()));
        let rows = results.accepted + results.rejected() + filtered;
        partner.rules.refusal(rows, results.rejected() - harmless.sum::<u64>())
    }

    /// The content of a receipt in addition to the file's record.
    pub(crate) fn readable(&self) -> Option<Readable<'_>> {
        let (Ok(Content { summary, orders, .. }), Some(results)) =
            (&self.pass.content, &self.results)
        else {
            return None;
        };
        let control = &self.control.compared;
        Some(Readable { summary, totals: orders.totals(), results, control })
    }

    /// The orders, if they still match `record`. Another process may have judged the file with another
    /// configuration.
    pub(crate) fn orders_of(&self, record: &Record) -> Result<&File, Failure> {
        let counts = self.counts();
        let reason = match &self.results {
            Some(results) if counts == record.counts => {
                // Records from before this digest was introduced do not have it.
                match &record.orders_sha256 {
                    Some(judged) if *judged != results.orders_sha256 => {
                        "it produces other orders than the ones already checked for this file"
                            .to_owned()
                    }
                    _ => return Ok(&results.orders),
                }
            }
            _ => format!(
                "it produces {} orders from a file that had {} when it was checked",
                counts.orders, record.counts.orders
            ),
        };
        let todo = "restore the earlier configuration until the file is finished";
        Err(Failure::Configuration(format!("{reason}; {todo}")))
    }

    pub(crate) fn counts(&self) -> Counts {
        let Some(Readable { summary, totals, results, .. }) = self.readable() else {
            return Counts::default();
        };
        Counts {
            rows: summary.rows,
            accepted: results.accepted,
            rejected: results.rejected(),
            orders: totals.sales + totals.returns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{self, Bounds, Reading};
    use crate::unpack;
    use serde_json::json;
    use std::fmt::Write as _;
    use std::fs::File;
    use std::io::Read as _;
    use tabular::Limits;

    fn partner() -> Partner {
        let columns = json!({"order-id": "order", "product-id": "sku", "quantity": "qty",
            "unit-price": "price", "ordered-at": "date", "customer-id": "who"});
        serde_json::from_value(json!({"currency": "EUR", "file": {"columns": columns}})).unwrap()
    }

    fn judged(file: &str, bounds: Bounds) -> Judged {
        let (partner, dir) = (partner(), tempfile::tempdir().unwrap());
        let mut rest = file.as_bytes();
        let fill = |block: &mut [u8]| {
            unpack::fill(block, |block| rest.read(block)).map_err(Failure::scratch)
        };
        let format = partner.file.as_ref().unwrap();
        let reading = Reading {
            partner: &partner,
            format,
            products: None,
            keys: None,
            bounds,
            share: None,
            scratch: dir.path(),
        };
        let pass = spool::pass(&reading, fill).unwrap();
        Judged::new(pass, "a.csv", &Sides::default(), &partner, dir.path()).unwrap()
    }

    /// A file with orders of two lines each, which are `apart` orders apart; every third line occurs
    /// twice.
    fn file(orders: usize, apart: usize) -> String {
        let mut file = "order,sku,qty,price,date,who\n".to_owned();
        let mut line = |order: usize, sku: &str| {
            for _ in 0..=usize::from(order.is_multiple_of(3)) {
                writeln!(file, "A{order},{sku},1,2.50,2026-11-22,c1").unwrap();
            }
        };
        for order in 0..orders + apart {
            if order < orders {
                line(order, "P1");
            }
            if apart <= order {
                line(order - apart, "P2");
            }
        }
        file
    }

    fn text(file: &mut File) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn results_do_not_depend_on_what_is_spooled_to_disk() {
        let file = file(3_000, 100);
        let of = |seen_bytes_max, workers| {
            let limits = Limits { seen_bytes_max, workers, ..Limits::default() };
            let judged = judged(&file, Bounds { limits, ..Bounds::default() });
            let (counts, mut results) = (judged.counts(), judged.results.unwrap());
            let files = [&mut results.output, &mut results.rejects, &mut results.orders];
            (counts, files.map(text))
        };
        let whole = of(96 << 20, 1);
        assert_eq!((whole.0.rows, whole.0.accepted, whole.0.orders), (8_000, 6_000, 3_000));
        assert!(whole.1[1].lines().skip(1).all(|line| line.contains(",duplicate,")));
        for (seen_bytes_max, workers) in [(5_000, 2), (50_000, 1), (100_000, 7)] {
            assert_eq!(of(seen_bytes_max, workers), whole, "{seen_bytes_max}");
        }
    }

    #[test]
    fn rows_of_another_currency_and_rows_in_quotes_are_rejected_and_lines_are_counted() {
        let file = "order,sku,qty,price,date,who,currency\nA1,P1,1,2.50,2026-11-22,c1,EUR\n\
                    A2,P1,1,349.00,2026-11-22,c2,SEK\nA3,\"P1,1,2.50,2026-11-22,c3,EUR\n\
                    A4,P1,1,2.50,2026-11-22,c4,EUR\nA5,P1\",1,2.50,2026-11-22,c5,EUR\n";
        let judged = judged(file, Bounds::default());
        let results = judged.results.as_ref().unwrap();
        let expected = [("other_currency", 1), ("row_in_quotes", 1), ("stray_quote", 1)];
        assert_eq!(results.rejected_by_rule, expected.into());
        let readable = judged.readable().unwrap();
        assert_eq!((readable.summary.lines, readable.summary.rows, results.accepted), (6, 5, 2));
    }

    #[test]
    fn a_file_that_needs_more_memory_than_the_bounds_is_refused_with_the_limit() {
        let refusal = |file: &str, bounds| judged(file, bounds).refusal(&partner());
        let orders = Bounds { orders_max: 10, ..Bounds::default() };
        assert_eq!(refusal(&file(10, 2), orders), None);
        let expected = Some("the file has more than 10 orders".to_owned());
        assert_eq!(refusal(&file(11, 2), orders), expected);
        // Also counts orders without any good line.
        let bad = file(11, 2).replace(",1,2.50", ",x,2.50");
        assert_eq!(refusal(&bad, orders), expected);

        let open = Bounds { open_bytes_max: 10_000, ..Bounds::default() };
        assert_eq!(refusal(&file(500, 20), open), None);
        assert_eq!(
            refusal(&file(500, 100), open).unwrap(),
            "line 54: lines of one order stand too far apart; more than 10000 bytes of orders \
             wait for further lines"
        );
    }
}
