//! Numbers and days of issue: which number comes next, whether it is free, and the document that gets it.

use super::super::series::{Next, NextNumber};
use super::super::terms::Hold;
use super::super::{Account, Balance, Document, DocumentKind, HeldCode, Made, hash};
use super::{Desk, Draft, Unknown};
use crate::PartnerId;
use chrono::{Days, TimeDelta};

/// By how much a day of issue may be ahead of UTC. The earliest day on earth begins 14 hours before that of UTC; a time
/// zone or a clock that is corrected leaves days behind that are a day further on.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(48);

impl<'a> Desk<'a> {
    /// The first number that documents of an order may get, if it is not known to be free.
    #[must_use]
    pub fn unsure(&self, account: &Account) -> Option<Unknown> {
        let balance = self.balances.get(account)?;
        self.number_of(balance, &account.0).map(Unknown::Free)
    }

    pub(super) fn number_of(&self, balance: &Balance, partner: &PartnerId) -> Option<NextNumber> {
        let now = self.terms.seller_of(partner);
        let before = balance.seller.as_ref();
        let before = before.and_then(|name| self.terms.sellers.get_key_value(name));
        let before = before.map(|(name, seller)| (name.as_str(), seller));
        let sellers = now.into_iter().chain(before);
        let kinds = [DocumentKind::Invoice, DocumentKind::CreditNote];
        let mut next = sellers.flat_map(|(name, seller)| {
            let today = (self.terms.day)(&seller.time_zone, self.now);
            let prefix = (name, seller.series_prefix.as_str());
            kinds.map(|kind| self.series.next(prefix, self.warehouse, kind, today).ok())
        });
        next.find_map(|next| next.filter(|next| !self.free.contains(&next.series)))
            .map(|Next { series, number, .. }| NextNumber { series, number })
    }

    /// Gives a document its number, day and place in the chain.
    pub(super) fn issue(&mut self, draft: Draft<'a>) -> Result<Document, Hold> {
        let Draft { seller: (name, seller), mut document } = draft;
        let today = (self.terms.day)(&seller.time_zone, self.now);
        let prefix = (name, seller.series_prefix.as_str());
        let next = self.series.next(prefix, self.warehouse, document.kind, today);
        let next = next.map_err(|taken| {
            let (series, other) = (taken.series, taken.seller);
            let detail = format!(
                "the numbers {series}-… belong to the seller {other}; give sellers.{name}.series-prefix in \
                 partners.yml, {:?}, another value, then orderflow invoices retry {}/{}",
                seller.series_prefix, document.supply.partner, document.supply.order_id
            );
            Hold::new(HeldCode::SeriesTaken, detail)
        })?;
        let latest = (self.now + AHEAD_MAX).date_naive();
        if latest < next.issued_on {
            let detail = format!(
                "the last number of the series was issued on {}, and {latest} is the latest day that may be ({} hours \
                 ahead of UTC): a clock was wrong then. Wait until that day is near, or give sellers.{name}.series-prefix in \
                 partners.yml, {:?}, another value, then orderflow invoices retry {}/{}",
                next.issued_on,
                AHEAD_MAX.num_hours(),
                seller.series_prefix,
                document.supply.partner,
                document.supply.order_id
            );
            return Err(Hold::new(HeldCode::SeriesAhead, detail));
        }
        document.number.clone_from(&next.number);
        document.previous.clone_from(&next.previous);
        (document.issued_on, document.issued_at) = (next.issued_on, self.now);
        if document.kind == DocumentKind::Invoice {
            document.due_on =
                next.issued_on.checked_add_days(Days::new(seller.payment_days.into()));
        }
        let json = serde_json::to_vec(&document).expect("a document has only string keys");
        let hash = hash(&json);
        self.bytes += json.len() + hash.len() + 40;
        self.series.issued(next, name, hash.clone());
        self.documents.insert(document.number.clone(), document.clone());
        self.body.documents.push(Made { hash, document: document.clone() });
        Ok(document)
    }
}
