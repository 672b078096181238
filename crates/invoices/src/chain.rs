//! Do the numbers of all documents have no gap, and is each chained to the one before it? Seen from the documents
//! alone: journals and configuration are not asked.

use chrono::NaiveDate;
use domain::invoice::{Document, hash, place_of};
use messaging::{Event, Nats, header, streams, tail};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Problems that are described one by one; more are only counted.
const PROBLEMS_MAX: usize = 100;

/// One series of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// `<prefix>-<warehouse>-<year>`, with `C` before the year for credit notes.
    pub series: String,
    /// The seller whose numbers they are.
    pub seller: String,
    /// How many documents there are.
    pub documents: u64,
    /// The first number that is there: above 1 if older ones are no longer kept.
    pub first: u64,
    /// The last number.
    pub last: u64,
    /// When that was issued.
    pub issued_on: NaiveDate,
    /// SHA-256 of the last document: whoever wrote it down can tell later that nothing before it was changed.
    pub hash: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chains {
    /// All series, by name.
    pub series: Vec<Chain>,
    /// What is wrong, the first 100.
    pub problems: Vec<String>,
    /// How many problems there are in all.
    pub problems_total: u64,
}

/// A document, as far as the chain needs it.
struct Link {
    number: u64,
    issued_on: NaiveDate,
    seller: String,
    previous: Option<String>,
    hash: String,
}

impl Chains {
    fn problem(&mut self, text: String) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text);
        }
    }

    fn walk(&mut self, series: String, mut links: Vec<Link>) {
        links.sort_by_key(|link| link.number);
        let Some(first) = links.first().map(|link| link.number) else { return };
        for pair in links.windows(2) {
            let [before, link] = pair else { continue };
            let number = format!("{series}-{:06}", link.number);
            if link.number == before.number {
                self.problem(format!("{number} is there twice"));
                continue;
            }
            if link.number != before.number + 1 {
                let (from, to) = (before.number + 1, link.number - 1);
                self.problem(format!("{series}: numbers {from} to {to} are missing"));
            } else if link.previous.as_ref() != Some(&before.hash) {
                let said = link.previous.as_deref().unwrap_or("nothing");
                self.problem(format!(
                    "{number} names {said} as the hash of the document before it, which is {}: one of them was changed",
                    before.hash
                ));
            }
            if link.issued_on < before.issued_on {
                let (day, then) = (link.issued_on, before.issued_on);
                self.problem(format!("{number} is of {day}, the document before it of {then}"));
            }
            if link.seller != before.seller {
                let (seller, other) = (&link.seller, &before.seller);
                self.problem(format!(
                    "{number} is of seller {seller}, the one before it of {other}"
                ));
            }
        }
        if links.first().is_some_and(|link| link.number == 1 && link.previous.is_some()) {
            self.problem(format!("{series}-000001 names a document before it"));
        }
        let documents = u64::try_from(links.len()).unwrap_or(u64::MAX);
        let Some(Link { number, issued_on, seller, hash, .. }) = links.pop() else { return };
        self.series.push(Chain { series, seller, documents, first, last: number, issued_on, hash });
    }
}

/// Reads all documents under `invoices.issued.>`, or those of a warehouse, and walks each chain. Takes about 250 bytes of
/// memory for each document.
///
/// # Errors
/// The server does not answer.
pub async fn verify_chains(nats: &Nats, filter: &str) -> Result<Chains, tail::Error> {
    let (mut found, mut all) = (Chains::default(), BTreeMap::<String, Vec<Link>>::new());
    tail::read(nats, streams::INVOICES, filter, 1, false, |message| {
        let subject = message.subject.as_str();
        if !header::is_fact(message.headers.as_ref()) {
            return found.problem(format!("{subject} follows from no decision"));
        }
        match link(&message.payload) {
            Ok((series, link)) => all.entry(series).or_default().push(link),
            Err(reason) => found.problem(format!("{subject}: {reason}")),
        }
    })
    .await?;
    for (series, links) in all {
        found.walk(series, links);
    }
    Ok(found)
}

/// The series of a document, and its place there.
fn link(fact: &[u8]) -> Result<(String, Link), String> {
    let event: Event<Box<RawValue>> =
        serde_json::from_slice(fact).map_err(|error| error.to_string())?;
    let data = event.data.ok_or("has no data")?;
    let document: Document = serde_json::from_str(data.get()).map_err(|error| error.to_string())?;
    let place = place_of(&document.number);
    let (series, number) = place.ok_or_else(|| format!("{} is no number", document.number))?;
    let hash = hash(data.get().as_bytes());
    let Document { issued_on, previous, seller, .. } = document;
    let series = series.to_owned();
    Ok((series, Link { number, issued_on, seller: seller.id, previous, hash }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(numbers: &[(u64, &str, &str)]) -> Vec<Link> {
        let mut before: Option<String> = None;
        let link = |(number, day, seller): &(u64, &str, &str)| {
            let hash = format!("h{number}");
            let previous = before.replace(hash.clone());
            Link {
                number: *number,
                issued_on: day.parse().unwrap(),
                seller: (*seller).into(),
                previous,
                hash,
            }
        };
        numbers.iter().map(link).collect()
    }

    #[track_caller]
    fn check(links: Vec<Link>, expected: &[&str]) {
        let mut found = Chains::default();
        found.walk("A".into(), links);
        assert_eq!(found.problems, expected);
    }

    #[test]
    fn what_is_wrong_with_a_chain_is_named() {
        let (day, next) = ("2026-01-01", "2026-01-02");
        check(links(&[(1, day, "S"), (2, day, "S"), (3, next, "S")]), &[]);
        check(links(&[(7, day, "S"), (8, day, "S")]), &[]);
        check(links(&[(1, day, "S"), (4, day, "S")]), &["A: numbers 2 to 3 are missing"]);
        check(links(&[(1, day, "S"), (1, day, "S")]), &["A-000001 is there twice"]);
        let text = "A-000002 is of 2026-01-01, the document before it of 2026-01-02";
        check(links(&[(1, next, "S"), (2, day, "S")]), &[text]);
        let text = "A-000002 is of seller T, the one before it of S";
        check(links(&[(1, day, "S"), (2, day, "T")]), &[text]);
        let mut changed = links(&[(1, day, "S"), (2, day, "S")]);
        changed[0].hash = "other".into();
        let text = "A-000002 names h1 as the hash of the document before it, which is other: one of them was changed";
        check(changed, &[text]);
    }
}
