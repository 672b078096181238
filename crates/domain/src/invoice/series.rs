//! Numbers: last + 1 in each series, and the day of issue, which never goes back.

use super::{Document, DocumentKind};
use crate::WarehouseId;
use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What a series came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// The seller whose numbers they are.
    pub seller: String,
    /// The last number.
    pub number: u64,
    /// When it was issued.
    pub issued_on: NaiveDate,
    /// SHA-256 of the document.
    pub hash: String,
}

/// The series of a warehouse by their names: `<prefix>-<warehouse>-<year>`, and with `C` before the year for credit notes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllSeries(BTreeMap<String, Last>);

/// The name of the next number of a series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextNumber {
    /// The name of the series, without the number.
    pub series: String,
    /// The number.
    pub number: String,
}

/// The next number of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) series: String,
    count: u64,
    pub(super) number: String,
    pub(super) issued_on: NaiveDate,
    pub(super) previous: Option<String>,
}

/// The numbers belong to another seller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) series: String,
    pub(super) seller: String,
}

/// The name of a series but for its year.
fn stem(prefix: &str, warehouse: &WarehouseId, kind: DocumentKind) -> String {
    let mark = match kind {
        DocumentKind::Invoice => "",
        DocumentKind::CreditNote => "C",
    };
    format!("{prefix}-{warehouse}-{mark}")
}

/// The series and the place in it that a number names; nothing if it is no number of ours.
#[must_use]
pub fn place_of(number: &str) -> Option<(&str, u64)> {
    let (series, count) = number.rsplit_once('-')?;
    let digits = count.len() >= 6 && count.bytes().all(|byte| byte.is_ascii_digit());
    Some((series, count.parse().ok().filter(|_| digits)?))
}

/// SHA-256 of a document: of the JSON that its fact has as data.
#[must_use]
pub fn hash(document: &[u8]) -> String {
    hex::encode(Sha256::digest(document))
}

impl AllSeries {
    /// Was nothing ever issued?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last number of a series; nothing if it has none.
    #[must_use]
    pub fn last(&self, series: &str) -> Option<u64> {
        self.0.get(series).map(|last| last.number)
    }

    /// The series, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Last)> {
        self.0.iter().map(|(name, last)| (name.as_str(), last))
    }

    /// The next number of a seller; `today` is in its time zone. The day is never before that of the last number,
    /// and where a new year has begun the old one is closed, also for a clock that is set back.
    pub(super) fn next(
        &self,
        (seller, prefix): (&str, &str),
        warehouse: &WarehouseId,
        kind: DocumentKind,
        today: NaiveDate,
    ) -> Result<Next, Taken> {
        let stem = stem(prefix, warehouse, kind);
        let year = |name: &str| -> Option<i32> { name.strip_prefix(&stem)?.parse().ok() };
        let of_seller =
            self.0.range(stem.clone()..).take_while(|(name, _)| name.starts_with(&stem));
        let known = of_seller.filter(|(name, _)| year(name).is_some());
        let newest = known.max_by_key(|(name, _)| year(name)).map(|(_, last)| last.issued_on);
        let issued_on = newest.map_or(today, |newest| newest.max(today));
        let series = format!("{stem}{:04}", issued_on.year());
        let last = self.0.get(&series);
        if let Some(last) = last.filter(|last| last.seller != seller) {
            return Err(Taken { series, seller: last.seller.clone() });
        }
        let count = last.map_or(0, |last| last.number) + 1;
        let previous = last.map(|last| last.hash.clone());
        Ok(Next { number: format!("{series}-{count:06}"), series, count, issued_on, previous })
    }

    /// A document was issued.
    pub(super) fn issued(&mut self, next: Next, seller: &str, hash: String) {
        let Next { series, count, issued_on, .. } = next;
        let seller = seller.to_owned();
        self.0.insert(series, Last { seller, number: count, issued_on, hash });
    }

    /// An entry with this document was folded; `hash` is that of the document.
    pub fn fold(&mut self, document: &Document, hash: String) {
        let Some((series, number)) = place_of(&document.number) else { return };
        let (seller, issued_on) = (document.seller.id.clone(), document.issued_on);
        self.0.insert(series.to_owned(), Last { seller, number, issued_on, hash });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Issues documents on these days; gives numbers and days.
    fn issue(days: &[(&str, DocumentKind)]) -> Vec<(String, String)> {
        let mut all = AllSeries::default();
        let mut made = Vec::new();
        for (today, kind) in days {
            let next = all.next(("ACME", "A"), &WarehouseId::main(), *kind, day(today)).unwrap();
            made.push((next.number.clone(), next.issued_on.to_string()));
            all.issued(next, "ACME", "h".into());
        }
        made
    }

    #[track_caller]
    fn check(days: &[&str], expected: &[(&str, &str)]) {
        let days: Vec<_> = days.iter().map(|day| (*day, DocumentKind::Invoice)).collect();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        assert_eq!(issue(&days), expected);
    }

    #[test]
    fn a_year_has_its_own_numbers_and_a_clock_set_back_opens_no_old_one() {
        check(
            &["2026-12-30", "2026-12-31", "2027-01-01", "2026-12-31", "2027-01-02"],
            &[
                ("A-main-2026-000001", "2026-12-30"),
                ("A-main-2026-000002", "2026-12-31"),
                ("A-main-2027-000001", "2027-01-01"),
                ("A-main-2027-000002", "2027-01-01"),
                ("A-main-2027-000003", "2027-01-02"),
            ],
        );
        check(
            &["2026-05-02", "2026-05-01"],
            &[("A-main-2026-000001", "2026-05-02"), ("A-main-2026-000002", "2026-05-02")],
        );
    }

    #[test]
    fn credit_notes_have_numbers_of_their_own() {
        use DocumentKind::{CreditNote, Invoice};
        let today = "2026-05-02";
        let made = issue(&[(today, Invoice), (today, CreditNote), (today, Invoice)]);
        let numbers: Vec<&str> = made.iter().map(|(number, _)| number.as_str()).collect();
        assert_eq!(numbers, ["A-main-2026-000001", "A-main-C2026-000001", "A-main-2026-000002"]);
        assert_eq!(place_of("A-main-C2026-000001"), Some(("A-main-C2026", 1)));
        assert_eq!(
            (place_of("A-main-C2026"), place_of("x"), place_of("A-12345")),
            (None, None, None)
        );
    }

    #[test]
    fn a_prefix_that_another_seller_used_this_year_is_refused() {
        let (mut all, main, kind) =
            (AllSeries::default(), WarehouseId::main(), DocumentKind::Invoice);
        let next = all.next(("ACME", "A"), &main, kind, day("2026-05-02")).unwrap();
        all.issued(next, "ACME", "h".into());
        let taken = all.next(("OTHER", "A"), &main, kind, day("2026-05-02")).unwrap_err();
        assert_eq!((taken.series.as_str(), taken.seller.as_str()), ("A-main-2026", "ACME"));
        // Another warehouse is another series.
        let west = WarehouseId::parse("west").unwrap();
        let next = all.next(("OTHER", "A"), &west, kind, day("2026-05-02")).unwrap();
        assert_eq!(next.number, "A-west-2026-000001");
    }
}
