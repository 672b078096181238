//! A file that was read to its end, with what came of it: the part that needs no partner's server
//! and no NATS.

use crate::failure::Failure;
use crate::receipt::Readable;
use crate::results::{self, Results};
use crate::spool::{Content, Pass};
use domain::partner::Partner;
use intake::ledger::Counts;
use std::path::Path;

/// What the first two passes found.
pub(crate) struct Judged {
    pub(crate) pass: Pass,
    /// Nothing for a file that is unreadable as a whole.
    pub(crate) results: Option<Results>,
}

impl Judged {
    /// The second pass.
    pub(crate) fn new(mut pass: Pass, partner: &Partner, scratch: &Path) -> Result<Self, Failure> {
        let results = match &mut pass.content {
            Ok(content) => Some(results::write(content, &partner.currency, scratch)?),
            Err(_) => None,
        };
        Ok(Self { pass, results })
    }

    /// Why the file is refused as a whole, if it is: unreadable, or against the partner's policy.
    pub(crate) fn refusal(&self, partner: &Partner) -> Option<String> {
        let results = match (&self.pass.content, &self.results) {
            (Err(error), _) => return Some(error.to_string()),
            (Ok(_), results) => results.as_ref()?,
        };
        let duplicates = results.rejected_by_rule.get("duplicate").copied().unwrap_or(0);
        let rows = results.accepted + results.rejected();
        partner.rules.refusal(rows, results.rejected() - duplicates)
    }

    /// What a receipt says beside the file's record.
    pub(crate) fn readable(&self) -> Option<Readable<'_>> {
        let (Ok(Content { summary, orders, .. }), Some(results)) =
            (&self.pass.content, &self.results)
        else {
            return None;
        };
        Some(Readable { summary, totals: orders.totals(), results })
    }

    pub(crate) fn counts(&self) -> Counts {
        let Some(Readable { summary, totals, results }) = self.readable() else {
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
