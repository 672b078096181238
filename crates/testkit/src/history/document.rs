//! Invoices and credit notes as they were published.

use super::message::Message;
use super::report::{Report, Rule};
use domain::invoice::{Document, DocumentKind, hash};
use domain::seller::Prices;
use messaging::Event;
use serde_json::value::RawValue;

/// A document, in short.
#[derive(Debug)]
pub(super) struct Billed {
    pub(super) sequence: u64,
    pub(super) subject: Box<str>,
    pub(super) document: Short,
}

#[derive(Debug)]
pub(super) struct Short {
    pub(super) series: String,
    pub(super) number: u64,
    pub(super) text: String,
    pub(super) hash: String,
    pub(super) previous: Option<String>,
    /// As it stands there: days of one form can be compared as texts.
    pub(super) issued_on: String,
    pub(super) is_credit: bool,
    pub(super) is_gross: bool,
    pub(super) decimals: u32,
    pub(super) partner: String,
    pub(super) placed: u64,
    pub(super) payable: i128,
    /// Number of the document that it takes back.
    pub(super) original: Option<String>,
}

/// `<partner>.<order>` of `errors.billing.<warehouse>.<partner>.<order>`.
pub(super) fn held(subject: &str) -> Option<&str> {
    subject.splitn(4, '.').nth(3)
}

impl Short {
    /// Is it the invoice of a sale, and takes nothing back?
    pub(super) fn is_invoice(&self) -> bool {
        !self.is_credit && self.original.is_none()
    }
}

impl Billed {
    /// Nothing if it is no document.
    pub(super) fn of(message: &Message<'_>) -> Option<Self> {
        let event: Event<Box<RawValue>> = serde_json::from_slice(message.payload).ok()?;
        let data = event.data?;
        let document: Document = serde_json::from_str(data.get()).ok()?;
        let (series, number) = document.number.rsplit_once('-')?;
        let short = Short {
            series: series.to_owned(),
            number: number.parse().ok()?,
            text: document.number.clone(),
            hash: hash(data.get().as_bytes()),
            previous: document.previous,
            issued_on: document.issued_on.to_string(),
            is_credit: document.kind == DocumentKind::CreditNote,
            is_gross: document.prices == Prices::Gross,
            decimals: document.decimals,
            partner: document.supply.partner.to_string(),
            placed: document.supply.placed,
            payable: document.totals.payable.units().into(),
            original: document.original.map(|original| original.number),
        };
        Some(Self { sequence: message.sequence, subject: message.subject.into(), document: short })
    }

    pub(super) fn add(&self, report: &mut Report, rule: Rule, detail: String) {
        report.add(rule, &self.subject, self.sequence, detail);
    }
}
