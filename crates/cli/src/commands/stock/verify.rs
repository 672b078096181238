//! `stock verify`: three accounts of the same stock. The journal's fold, what order-processor says,
//! and the sum of the movements that were published.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use async_nats::jetstream::Message;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::inventory::{Body, State};
use domain::stock::Stock;
use domain::{ProductId, WarehouseId};
use machine::client::Pipeline;
use machine::clock;
use messaging::inventory::Changed;
use messaging::{Event, Nats, header, stored, streams, subject, tail};
use serde::Serialize;
use serde_json::{Value, json};
use state::journal::{self, Entry, Record};
use stock::Inventory;
use terminal::output;

use super::book::{Answer, at_once};

type Available = BTreeMap<ProductId, i64>;

/// How much sooner than its time something may be gone.
const SLACK: Duration = Duration::from_secs(60 * 60);

/// A product of which two accounts differ.
#[derive(Debug, Serialize)]
struct Difference {
    product: ProductId,
    journal: Option<i64>,
    other: Option<i64>,
}

/// The journal's fold, and at which entry.
struct Fold {
    at: u64,
    available: Available,
    /// After entry `after`; all movements of the entries behind it are kept.
    base: Available,
    after: Option<u64>,
    /// Entries whose movements should be kept and are not: those before the first that is.
    lost: usize,
}

/// Which movements are kept.
struct Kept {
    /// All of the entries after this one; nothing if none is.
    after: Option<u64>,
    /// Those of younger entries should be.
    since: DateTime<Utc>,
}

/// Where folding begins.
struct Start {
    at: u64,
    state: State,
}

impl Start {
    /// The beginning of the journal; if that was removed, where verifying it has ended.
    async fn find(nats: &Nats, warehouse: &WarehouseId, journal: &str) -> Result<Self> {
        let first = stored::first(nats, streams::JOURNAL, journal, 1).await?;
        let first = first.and_then(|first| Record::<Body>::parse(&first.payload).ok());
        let begins = first.is_none_or(|first| first.prev() == 0);
        if begins {
            return Ok(Self { at: 0, state: State::default() });
        }
        let book = Inventory::new(warehouse.clone());
        let found = journal::verify(nats, journal, &book, clock::now()).await?;
        match found.problems.first() {
            None => Ok(Self { at: found.last, state: found.state }),
            Some(problem) => bail!("{journal}: entry {}: {}", problem.entry, problem.text),
        }
    }
}

/// What the accounts of a warehouse say.
pub(super) struct Compared {
    warehouse: WarehouseId,
    journal: String,
    fold: Fold,
    /// Where what order-processor says differs.
    said: Vec<Difference>,
    /// Where the sum of the movements differs; nothing if none are kept.
    moved: Option<Vec<Difference>>,
    kept_since: DateTime<Utc>,
}

pub(super) async fn run(pipeline: &Pipeline, warehouse: &WarehouseId) -> Result<()> {
    let compared = compare(pipeline, warehouse).await?;
    if pipeline.json {
        output::json(&compared.json());
    } else {
        compared.print();
    }
    match compared.differences() {
        0 => Ok(()),
        count => bail!("{count} differences in the stock of {warehouse}"),
    }
}

/// Compares the accounts of a warehouse.
pub(super) async fn compare(pipeline: &Pipeline, warehouse: &WarehouseId) -> Result<Compared> {
    let nats = pipeline.nats().await?;
    pipeline.known(&nats, warehouse).await?;
    let journal = subject::inventory_journal(warehouse);
    let kept = Kept::find(&nats, warehouse).await?;
    let start = Start::find(&nats, warehouse, &journal).await?;
    // The answer is the fold at an entry between the last one now and the last one after it.
    let last = journal::last(&nats, &journal).await?.map_or(0, |(sequence, _)| sequence);
    let Answer { products, .. } = at_once(pipeline, warehouse).await?;
    let book: Available = products.into_iter().map(|(id, item)| (id, item.available)).collect();
    let kept_since = kept.since;
    let mut fold = fold(&nats, &journal, start, last, kept, &book).await?;
    let said = differences(&fold.available, &book);
    let base = std::mem::take(&mut fold.base);
    let moved = match fold.after {
        Some(after) => {
            let sum = sum(&nats, warehouse, base, after, fold.at).await?;
            Some(differences(&fold.available, &sum))
        }
        None => None,
    };
    let warehouse = warehouse.clone();
    Ok(Compared { warehouse, journal, fold, said, moved, kept_since })
}

impl Compared {
    /// Products of which two accounts differ, and entries whose movements are gone.
    pub(super) fn differences(&self) -> usize {
        self.said.len() + self.moved.as_ref().map_or(0, Vec::len) + self.fold.lost
    }

    pub(super) fn json(&self) -> Value {
        let Self { warehouse, fold, said, moved, .. } = self;
        json!({
            "warehouse": warehouse, "entry": fold.at, "products": fold.available.len(),
            "order_processor": said, "movements": moved, "movements_after": fold.after,
            "movements_lost": fold.lost,
        })
    }

    pub(super) fn print(&self) {
        let Self { warehouse, journal, fold, said, moved, kept_since } = self;
        let count = format!("{} products at entry {} of {journal}", fold.available.len(), fold.at);
        print(&format!("order-processor says what the journal says: {count}"), said);
        match (moved, fold.after) {
            (Some(moved), Some(after)) => {
                print(&format!("the movements after entry {after} add up to it"), moved);
            }
            _ => output::line("! no movements are kept"),
        }
        if fold.lost > 0 {
            let since = kept_since.to_rfc3339_opts(SecondsFormat::Secs, true);
            output::line(format_args!(
                "✗ the movements of {} entries since {since} are gone from INVENTORY, which should \
                 keep them; orderflow journal verify --warehouse {warehouse} lists them",
                fold.lost
            ));
        }
    }
}

fn print(what: &str, differences: &[Difference]) {
    if differences.is_empty() {
        return output::line(format_args!("✓ {what}"));
    }
    output::line(format_args!("✗ not so: {what}"));
    let text = |n: Option<i64>| n.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
    for Difference { product, journal, other } in differences {
        let (journal, other) = (text(*journal), text(*other));
        output::line(format_args!("✗ {product}: {journal} by the journal, {other} otherwise"));
    }
}

fn differences(journal: &Available, other: &Available) -> Vec<Difference> {
    let all: std::collections::BTreeSet<_> = journal.keys().chain(other.keys()).collect();
    all.into_iter()
        .map(|product| Difference {
            product: product.clone(),
            journal: journal.get(product).copied(),
            other: other.get(product).copied(),
        })
        .filter(|difference| difference.journal != difference.other)
        .collect()
}

impl Kept {
    async fn find(nats: &Nats, warehouse: &WarehouseId) -> Result<Self> {
        let stream = nats.js.get_stream(streams::INVENTORY).await?;
        let info = stream.cached_info();
        let age = info.config.max_age;
        let since = match age.is_zero() {
            true => DateTime::UNIX_EPOCH,
            // Clocks differ, and the server does not remove at once what is too old.
            false => clock::now() - age.saturating_sub(SLACK),
        };
        // Nothing was ever taken away: those of the first entry are there as well.
        if info.state.first_sequence <= 1 {
            return Ok(Self { after: (info.state.messages > 0).then_some(0), since });
        }
        let filter = subject::changed(warehouse);
        let Some(first) = stored::first(nats, streams::INVENTORY, &filter, 1).await? else {
            return Ok(Self { after: None, since });
        };
        let entry = first.decision_sequence();
        let entry = entry.with_context(|| format!("{} names no decision", first.subject))?;
        Ok(Self { after: Some(entry), since })
    }

    /// Should the movements of this entry be kept, and are they not?
    fn lacks(&self, sequence: u64, entry: &Entry<Body>) -> bool {
        let moves = match entry.body.content() {
            Body::Set { .. } => true,
            Body::Change(change) => !change.moved.is_empty(),
            body => body.outcomes().iter().any(|one| !one.verdict.movements().is_empty()),
        };
        moves && self.since < entry.at && self.after.is_none_or(|after| sequence < after)
    }
}

/// Folds the journal up to where it is `book`, at entry `last` or later; if it never is, to where
/// fewest products differ.
async fn fold(
    nats: &Nats,
    journal: &str,
    start: Start,
    last: u64,
    kept: Kept,
    book: &Available,
) -> Result<Fold> {
    let Start { at: begin, mut state } = start;
    let after = kept.after.map(|kept| kept.max(begin));
    let mut lost = 0;
    let mut base = None;
    let mut best: Option<(usize, u64, Available)> = None;
    let mut before = begin;
    let mut wrong = None;
    let mut look = |at: u64, stock: &Stock| {
        let available = available(stock);
        let count = differences(&available, book).len();
        if best.as_ref().is_none_or(|(least, ..)| count < *least) {
            best = Some((count, at, available));
        }
    };
    if last <= begin {
        look(begin, &state.stock);
    }
    journal::entries(nats, journal, begin, |sequence, record: Result<Record<Body>, _>| {
        match record {
            Ok(record) if record.prev() != before => {
                wrong.get_or_insert(format!("entry {sequence} does not follow {before}"));
            }
            Ok(Record::Decision(entry)) => {
                lost += usize::from(sequence <= last && kept.lacks(sequence, &entry));
                state.begin(&entry.body);
                if after.is_some_and(|after| before <= after && after < sequence) {
                    base = Some(available(&state.stock));
                }
                state.apply(&entry.body);
            }
            Ok(Record::Skip(_) | Record::Quiet(_) | Record::Rebase(_)) => {}
            Err(error) => {
                wrong.get_or_insert(format!("entry {sequence}: {error}"));
            }
        }
        before = sequence;
        if sequence >= last {
            look(sequence, &state.stock);
        }
    })
    .await?;
    if let Some(wrong) = wrong {
        bail!("{journal} cannot be folded: {wrong}; see orderflow journal verify");
    }
    let (_, at, found) = best.with_context(|| format!("{journal} ends before {last}"))?;
    // Nothing stands behind what is kept: the movements add nothing.
    let base = base.unwrap_or_else(|| available(&state.stock));
    Ok(Fold { at, available: found, base, after, lost })
}

fn available(stock: &Stock) -> Available {
    stock.iter().map(|(product, item)| (product.clone(), item.available)).collect()
}

/// Adds the movements of the entries after `after` up to `at` to `base`.
async fn sum(
    nats: &Nats,
    warehouse: &WarehouseId,
    base: Available,
    after: u64,
    at: u64,
) -> Result<Available> {
    let mut sum = base;
    let mut wrong = None;
    // They stand in the order of their decisions: those of one are stored before the next is made.
    let each = |message: &Message| {
        let decision = message.headers.as_ref().and_then(|h| h.get(header::DECISION_SEQUENCE));
        let decision = decision.and_then(|decision| decision.as_str().parse::<u64>().ok());
        let event: Result<Event<Changed>, _> = serde_json::from_slice(&message.payload);
        let data = event.ok().and_then(|event| event.data);
        let (Some(decision), Some(Changed { moved, set, .. })) = (decision, data) else {
            wrong.get_or_insert(message.subject.to_string());
            return;
        };
        if decision <= after || at < decision {
            return;
        }
        for (product, delta) in moved {
            let entry = sum.entry(product).or_default();
            *entry = entry.saturating_add(delta);
        }
        sum.extend(set);
    };
    let filter = subject::changed(warehouse);
    tail::read(nats, streams::INVENTORY, &filter, 1, false, each).await?;
    match wrong {
        Some(subject) => bail!("{subject} cannot be read"),
        None => Ok(sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_that_one_account_lacks_is_a_difference() {
        let of = |all: &[(&str, i64)]| -> Available {
            all.iter().map(|(id, n)| (ProductId::parse(id).unwrap(), *n)).collect()
        };
        let found =
            differences(&of(&[("A", 1), ("B", 2), ("C", 3)]), &of(&[("A", 1), ("B", 3), ("D", 0)]));
        let found: Vec<_> =
            found.iter().map(|d| (d.product.as_str(), d.journal, d.other)).collect();
        let expected = [("B", Some(2), Some(3)), ("C", Some(3), None), ("D", None, Some(0))];
        assert_eq!(found, expected);
        assert!(differences(&of(&[]), &of(&[])).is_empty());
    }
}
