//! The report of a check.

use chrono::{DateTime, NaiveDate, Utc};
use domain::PartnerId;
use intake::expected::Overdue;
use schemars::JsonSchema;
use serde::Serialize;

/// The report of a whole check.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The day of the check, UTC.
    pub(crate) order_date: NaiveDate,
    pub(crate) partners: Vec<PartnerReport>,
    /// Configured partners without `sftp`: no function looks for their files.
    pub(crate) without_folder: Vec<PartnerId>,
    pub(crate) found: usize,
    pub(crate) skipped: usize,
}

/// One partner's inbox.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct PartnerReport {
    pub(crate) partner: PartnerId,
    pub(crate) found: Vec<Found>,
    pub(crate) skipped: Vec<Skipped>,
    /// The file that should have come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overdue: Option<Overdue>,
    /// Why the inbox could not be read, or not everything in it be claimed.
    pub(crate) error: Option<String>,
}

/// A complete file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) modified: Option<DateTime<Utc>>,
    pub(crate) arrival: String,
    pub(crate) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// This check published its event.
    New,
    /// Its event stood already.
    Known,
}

/// Something that was not taken.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Skipped {
    pub(crate) name: String,
    pub(crate) reason: String,
}

impl Report {
    pub(crate) fn new(
        order_date: NaiveDate,
        mut partners: Vec<PartnerReport>,
        without_folder: Vec<PartnerId>,
    ) -> Self {
        partners.sort_by(|a, b| a.partner.cmp(&b.partner));
        let found = partners.iter().map(|partner| partner.found.len()).sum();
        let skipped = partners.iter().map(|partner| partner.skipped.len()).sum();
        Self { order_date, partners, without_folder, found, skipped }
    }

    /// There are partners, but none could be checked.
    pub(crate) fn has_failed(&self) -> bool {
        !self.partners.is_empty() && self.partners.iter().all(|partner| partner.error.is_some())
    }
}

impl PartnerReport {
    pub(crate) fn empty(partner: PartnerId) -> Self {
        Self { partner, found: Vec::new(), skipped: Vec::new(), overdue: None, error: None }
    }

    pub(crate) fn failed(partner: PartnerId, error: String) -> Self {
        Self { error: Some(error), ..Self::empty(partner) }
    }
}
