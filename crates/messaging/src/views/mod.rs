//! What became of the orders: a fold of `ORDERS` by subjects and headers, no bodies.

mod foreign;
mod lookup;
mod next;

pub use foreign::FOREIGN_MAX;
pub use lookup::{Messages, lookup};
pub use next::next;

use self::foreign::Foreign;
use crate::subject::{OrderSubject, Stage};
use crate::{Nats, header, streams, subject, tail};
use async_nats::HeaderMap;
use domain::{OrderId, PartnerId, WarehouseId};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Most orders that are held one by one; of older ones only the counts are kept.
pub const ORDERS_MAX: usize = 1_000_000;
/// Most files whose counts are kept; those that came first are forgotten first.
pub const FILES_MAX: usize = 100_000;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Placed, not decided.
    Pending,
    /// Stock is reserved.
    Confirmed,
    /// Decided against, or cancelled.
    Refused,
}

/// One order of the view.
#[derive(Clone, Debug, Serialize)]
pub struct OrderView {
    /// Stream sequence of the placed order: its place in lists.
    pub placed: u64,
    /// The partner.
    pub partner: PartnerId,
    /// The partner's number.
    pub order_id: OrderId,
    /// The warehouse.
    pub warehouse: WarehouseId,
    /// Where it stands: its last attempt.
    pub status: Status,
    /// The last attempt.
    pub attempt: u32,
    /// When that was said, milliseconds since 1970.
    pub changed_ms: i64,
    /// Is it a return?
    #[serde(rename = "return")]
    pub is_return: bool,
    /// Its total, as text.
    pub total: Option<Box<str>>,
    /// SHA-256 of the file it came in.
    pub file: Option<Arc<str>>,
    /// Why it was refused, or why it was not cancelled, as a code.
    pub reason: Option<Box<str>>,
    /// Stream sequence of the message that says its status.
    #[serde(skip)]
    pub last: u64,
}

/// Numbers of orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All that were placed, returns included.
    pub placed: u64,
    /// Decided for.
    pub confirmed: u64,
    /// Decided against, or cancelled.
    pub refused: u64,
    /// Placed and not decided.
    pub pending: u64,
    /// Of the placed ones, returns.
    pub returns: u64,
}

impl Counts {
    fn count(&mut self, status: Status, step: i64) {
        let field = match status {
            Status::Pending => &mut self.pending,
            Status::Confirmed => &mut self.confirmed,
            Status::Refused => &mut self.refused,
        };
        *field = field.saturating_add_signed(step);
    }
}

/// A file of a partner, by its SHA-256.
type OfFile = (PartnerId, Arc<str>);

/// The fold.
#[derive(Debug, Default)]
pub struct Orders {
    read_to: u64,
    orders: BTreeMap<u64, OrderView>,
    places: HashMap<(PartnerId, OrderId), u64>,
    counts: Counts,
    /// By partner and file: two partners may send the same content.
    files: HashMap<OfFile, Counts>,
    /// The same files, by the sequence of their first order.
    files_by_age: BTreeMap<u64, OfFile>,
    foreign: Foreign,
}

impl Orders {
    /// Reads what was published since the last call.
    ///
    /// # Errors
    /// The server does not answer; what was read stays.
    pub async fn refresh(&mut self, nats: &Nats) -> Result<(), tail::Error> {
        let from = self.read_to + 1;
        let read = tail::read(nats, streams::ORDERS, "orders.>", from, true, |message| {
            if let Ok(info) = message.info() {
                let published_ms = info.published.unix_timestamp_nanos() / 1_000_000;
                let published_ms = i64::try_from(published_ms).unwrap_or_default();
                let headers = message.headers.as_ref();
                self.fold(info.stream_sequence, published_ms, &message.subject, headers);
            }
        });
        self.read_to = read.await?;
        Ok(())
    }

    /// Folds one message in, which was published so many milliseconds after 1970.
    pub fn fold(
        &mut self,
        sequence: u64,
        published_ms: i64,
        subject: &str,
        headers: Option<&HeaderMap>,
    ) {
        let text = |name| headers.and_then(|h: &HeaderMap| h.get(name)).map(|v| v.as_str());
        let is_placed = subject.starts_with("orders.placed.");
        let is_ours = || [header::ATTEMPT, header::CONTENT].into_iter().any(|h| text(h).is_some());
        let (place, parsed) = (subject, OrderSubject::parse(subject));
        let Some(subject) = parsed.filter(|_| !is_placed || is_ours()) else {
            // No function put it there: it is no order, unless it is decided like one.
            if is_placed {
                self.foreign.add(sequence, place);
            }
            return;
        };
        self.read_to = self.read_to.max(sequence);
        if !is_placed && !header::is_fact(headers) {
            return;
        }
        let key = (subject.partner, subject.order_id);
        let place = self.places.get(&key).copied();
        let attempt = text(header::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1);
        let status = match subject.stage {
            Stage::Placed => Status::Pending,
            Stage::Confirmed => Status::Confirmed,
            Stage::Refused => Status::Refused,
            // What came back or was shipped of a sale changes nothing of where it stands.
            Stage::Returned | Stage::Shipped => return,
        };
        if let Some(order) = place.and_then(|place| self.orders.get_mut(&place)) {
            // Facts of an attempt precede the next attempt, so a late fact of an older one is ignored. A fact that
            // names the message in force counts whatever its attempt.
            let in_force = text(header::IN_FORCE).is_some();
            if attempt < order.attempt && !is_placed && !in_force {
                return;
            }
            // An amended order comes to something else: behind a refusal at once, behind a confirmation once that is
            // decided, which its fact says.
            let is_amended = text(header::AMENDS).is_some() && order.status == Status::Refused;
            if !is_placed || is_amended {
                order.total = text(header::TOTAL).map(Into::into).or(order.total.take());
            }
            let before = std::mem::replace(&mut order.status, status);
            (order.attempt, order.changed_ms) = (attempt, published_ms);
            order.last = sequence;
            order.reason = text(header::REASON).map(Into::into);
            let file = order.file.clone().map(|file| (key.0, file));
            self.change(file.as_ref(), |counts| {
                counts.count(before, -1);
                counts.count(status, 1);
            });
            return;
        }
        let decided = || subject::order(Stage::Placed, &subject.warehouse, &key.0, &key.1);
        self.foreign.decided(decided);
        let file = text(header::FILE).map(|file| self.file(sequence, &key.0, file));
        let is_return = text(header::KIND) == Some("return");
        let of_file = file.clone().map(|file| (key.0.clone(), file));
        self.change(of_file.as_ref(), |counts| {
            counts.placed += 1;
            counts.returns += u64::from(is_return);
            counts.count(status, 1);
        });
        let order = OrderView {
            placed: sequence,
            partner: key.0.clone(),
            order_id: key.1.clone(),
            warehouse: subject.warehouse,
            status,
            attempt,
            changed_ms: published_ms,
            is_return,
            total: text(header::TOTAL).map(Into::into),
            file,
            reason: text(header::REASON).map(Into::into),
            last: sequence,
        };
        self.orders.insert(sequence, order);
        self.places.insert(key, sequence);
        self.forget_oldest();
    }

    /// One text for all orders of a file, which has counts from now on.
    fn file(&mut self, sequence: u64, partner: &PartnerId, file: &str) -> Arc<str> {
        let key = (partner.clone(), Arc::from(file));
        if let Some(((_, known), _)) = self.files.get_key_value(&key) {
            return known.clone();
        }
        while FILES_MAX <= self.files_by_age.len() {
            let Some((_, oldest)) = self.files_by_age.pop_first() else { break };
            self.files.remove(&oldest);
        }
        let file = key.1.clone();
        self.files.insert(key.clone(), Counts::default());
        self.files_by_age.insert(sequence, key);
        file
    }

    /// The counts of a file that was forgotten stay forgotten: what is added now would be taken for all.
    fn change(&mut self, file: Option<&OfFile>, change: impl Fn(&mut Counts)) {
        change(&mut self.counts);
        if let Some(counts) = file.and_then(|file| self.files.get_mut(file)) {
            change(counts);
        }
    }

    /// The oldest order leaves once it is decided; its counts stay.
    fn forget_oldest(&mut self) {
        while self.orders.len() > ORDERS_MAX {
            let Some((_, order)) = self.orders.pop_first() else { return };
            self.places.remove(&(order.partner, order.order_id));
        }
    }

    /// Counts of all orders.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Counts of the orders that came from this partner in the file with this SHA-256.
    #[must_use]
    pub fn file_counts(&self, partner: &PartnerId, file: &str) -> Counts {
        self.files.get(&(partner.clone(), Arc::from(file))).copied().unwrap_or_default()
    }

    /// Orders that are placed and have no outcome, oldest first.
    pub fn pending(&self) -> impl Iterator<Item = &OrderView> {
        let any = 0 < self.counts.pending;
        self.after(0).filter(move |order| any && order.status == Status::Pending)
    }

    /// Messages on `orders.placed.…` that no function put there and that were not decided as orders:
    /// their sequences and subjects, the newest [`FOREIGN_MAX`].
    pub fn foreign(&self) -> impl Iterator<Item = (u64, &str)> {
        self.foreign.iter()
    }

    /// Orders placed after `cursor`, oldest first.
    pub fn after(&self, cursor: u64) -> impl Iterator<Item = &OrderView> {
        self.orders.range(cursor.saturating_add(1)..).map(|(_, order)| order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        messages: &[(&str, u32, &str)],
        expected: (u64, u64, u64, u64),
        file: (u64, u64, u64, u64),
    ) {
        let mut orders = Orders::default();
        for (sequence, (subject, attempt, file)) in (1..).zip(messages) {
            let mut headers = HeaderMap::new();
            headers.insert(header::ATTEMPT, attempt.to_string());
            headers.insert(header::DECISION_SEQUENCE, "1");
            if !file.is_empty() {
                headers.insert(header::FILE, *file);
            }
            orders.fold(sequence, 0, subject, Some(&headers));
        }
        let numbers = |c: Counts| (c.placed, c.confirmed, c.refused, c.pending);
        assert_eq!(numbers(orders.counts()), expected);
        assert_eq!(numbers(orders.file_counts(&PartnerId::parse("US1").unwrap(), "f")), file);
    }

    #[test]
    fn orders_are_counted_by_where_they_stand() {
        check(
            &[
                ("orders.placed.main.US1.1", 1, "f"),
                ("orders.placed.main.US1.2", 1, "f"),
                ("orders.placed.main.US1.3", 1, ""),
                ("orders.confirmed.main.US1.1", 1, "f"),
                ("orders.refused.main.US1.3", 1, ""),
            ],
            (3, 1, 1, 1),
            (2, 1, 0, 1),
        );
    }

    #[test]
    fn the_same_file_of_two_partners_is_two_files() {
        let other = "orders.placed.main.US2.1";
        check(
            &[
                ("orders.placed.main.US1.1", 1, "f"),
                (other, 1, "f"),
                ("orders.placed.main.US2.2", 1, "f"),
                ("orders.confirmed.main.US2.1", 1, "f"),
            ],
            (3, 1, 0, 2),
            (1, 0, 0, 1),
        );
    }

    #[test]
    fn an_order_that_is_tried_again_counts_once() {
        check(
            &[
                ("orders.placed.main.US1.1", 1, "f"),
                ("orders.refused.main.US1.1", 1, "f"),
                ("orders.placed.main.US1.1", 2, "f"),
                ("orders.confirmed.main.US1.1", 2, "f"),
            ],
            (1, 1, 0, 0),
            (1, 1, 0, 0),
        );
    }

    #[test]
    fn a_cancelled_order_is_refused_and_the_last_attempt_counts() {
        let mut messages = vec![
            ("orders.placed.main.US1.1", 1, "f"),
            ("orders.confirmed.main.US1.1", 1, "f"),
            ("orders.placed.main.US1.1", 2, "f"),
        ];
        check(&messages, (1, 0, 0, 1), (1, 0, 0, 1));
        // Nothing that was said of the attempt before counts any more.
        messages.push(("orders.confirmed.main.US1.1", 1, "f"));
        check(&messages, (1, 0, 0, 1), (1, 0, 0, 1));
        messages.push(("orders.refused.main.US1.1", 2, "f"));
        check(&messages, (1, 0, 1, 0), (1, 0, 1, 0));
    }

    #[test]
    fn of_many_files_those_that_came_last_have_counts() {
        let mut orders = Orders::default();
        let mut fold = |sequence: u64, stage: &str, number: usize| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ATTEMPT, "1");
            headers.insert(header::DECISION_SEQUENCE, "1");
            headers.insert(header::FILE, format!("f{number}"));
            let subject = format!("orders.{stage}.main.US1.{number}");
            orders.fold(sequence, 0, &subject, Some(&headers));
        };
        let us1 = PartnerId::parse("US1").unwrap();
        for number in 0..FILES_MAX + 10 {
            fold(1 + number as u64, "placed", number);
        }
        // Of a forgotten file nothing is counted any more.
        fold(1_000_000, "confirmed", 3);
        fold(1_000_001, "confirmed", 10);
        assert_eq!((orders.files.len(), orders.files_by_age.len()), (FILES_MAX, FILES_MAX));
        assert_eq!(orders.file_counts(&us1, "f3"), Counts::default());
        let counts = Counts { placed: 1, confirmed: 1, ..Counts::default() };
        assert_eq!(orders.file_counts(&us1, "f10"), counts);
        assert_eq!(orders.counts().placed, FILES_MAX as u64 + 10);
    }

    #[test]
    fn what_no_function_placed_is_no_order_until_it_is_decided_like_one() {
        let mut orders = Orders::default();
        let mut ours = HeaderMap::new();
        ours.insert(header::ATTEMPT, "1");
        ours.insert(header::DECISION_SEQUENCE, "1");
        let (order, forged) = ("orders.placed.main.US1.1", "orders.placed.main.US1.2");
        orders.fold(1, 0, order, Some(&ours));
        orders.fold(2, 0, "orders.confirmed.main.US1.1", Some(&ours));
        for (sequence, subject) in [(3, order), (4, forged), (5, "orders.placed.main.odd")] {
            orders.fold(sequence, 0, subject, None);
        }
        let counts = orders.counts();
        assert_eq!((counts.placed, counts.confirmed, counts.pending), (1, 1, 0));
        assert_eq!(orders.pending().count(), 0);
        let foreign: Vec<_> = orders.foreign().collect();
        assert_eq!(foreign, [(3, order), (4, forged), (5, "orders.placed.main.odd")]);
        orders.fold(6, 0, "orders.refused.main.US1.2", Some(&ours));
        assert_eq!((orders.counts().placed, orders.counts().refused), (2, 1));
        assert_eq!(orders.foreign().map(|(sequence, _)| sequence).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn whatever_lands_on_the_subjects_of_a_confirmed_order_it_stays_confirmed() {
        let (mut orders, mut sequence) = (Orders::default(), 0);
        let mut say = |stage: &str, pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            pairs.iter().for_each(|(name, value)| headers.insert(*name, *value));
            sequence += 1;
            orders.fold(sequence, 0, &format!("orders.{stage}.main.US1.1"), Some(&headers));
            orders.after(0).map(|order| (order.status, order.attempt)).next().unwrap()
        };
        let fact = (header::DECISION_SEQUENCE, "1");
        say("placed", &[(header::ATTEMPT, "1")]);
        let confirmed = (Status::Confirmed, 1);
        assert_eq!(say("confirmed", &[(header::ATTEMPT, "1"), fact]), confirmed);
        // No facts, whatever else they say.
        assert_eq!(say("refused", &[]), confirmed);
        assert_eq!(say("refused", &[(header::ATTEMPT, "9"), (header::REASON, "x")]), confirmed);
        // What is refused behind it is pending until that is decided.
        assert_eq!(say("placed", &[(header::ATTEMPT, "9")]), (Status::Pending, 9));
        let kept = [(header::ATTEMPT, "1"), (header::IN_FORCE, "1"), fact];
        assert_eq!(say("confirmed", &kept), confirmed);
    }

    #[test]
    fn other_subjects_do_not_count() {
        check(
            &[("orders", 1, ""), ("orders.placed.main.US1", 1, ""), ("files.arrived.US1.x", 1, "")],
            (0, 0, 0, 0),
            (0, 0, 0, 0),
        );
    }
}
