//! Rows that continue an order: some shops export date, customer and region of an order, and sometimes
//! its number, only on its first row.

use crate::record::Record;

/// The order of the preceding rows, as texts of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    id: String,
    date: String,
    customer: String,
    region: String,
    filtered: bool,
}

impl Order {
    /// The order that `record` begins, if it does not continue `before`. If the record is `filtered`,
    /// the rows that continue its order are as well.
    pub(crate) fn begun(
        record: &Record<'_>,
        before: Option<&Self>,
        filtered: bool,
    ) -> Option<Self> {
        let layout = record.layout;
        let id = record.field(&layout.order_id);
        if id.is_empty() || before.is_some_and(|before| before.is_continued_by(id)) {
            return None;
        }
        Some(Self {
            id: id.to_owned(),
            date: record.field(&layout.ordered_at).to_owned(),
            customer: record.optional(layout.customer_id.as_ref()).to_owned(),
            region: record.optional(layout.region.as_ref()).to_owned(),
            filtered,
        })
    }

    /// Does a row with this text in the order column continue this order?
    pub(crate) fn is_continued_by(&self, id: &str) -> bool {
        id.is_empty() || id == self.id
    }

    /// Are its rows filtered out?
    pub(crate) fn is_filtered(&self) -> bool {
        self.filtered
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn date(&self) -> &str {
        &self.date
    }

    pub(crate) fn customer(&self) -> &str {
        &self.customer
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }
}
