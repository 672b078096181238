//! An hour of documents, stored by servers whose clocks differ by minutes, and replicas that end at any time.

use super::fold::DOCUMENTS;
use super::hours::{Hours, last_ms, window_of};
use super::message::{Said, start};
use super::over::over;
use super::*;
use crate::amount::Units;
use crate::issued;
use async_nats::HeaderMap;
use bytes::Bytes;
use messaging::header;
use serde_json::Value;
use state::fold::{Event, Fold as _};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers that look like chance and are the same in each run: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, max: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % max
    }
}

/// A message; its sequence is its place, counted from 1.
struct Stored {
    subject: String,
    time_ms: i64,
    headers: HeaderMap,
    payload: Bytes,
}

impl Stored {
    fn document(number: usize, time_ms: i64, cents: u64) -> Self {
        let mut headers = HeaderMap::new();
        let kind = if cents.is_multiple_of(7) { "credit_note" } else { "invoice" };
        let currency = if cents.is_multiple_of(3) { "USD" } else { "EUR" };
        headers.insert(header::PAYABLE, format!("{}.{:02}", cents / 100, cents % 100));
        for (name, value) in [
            (header::DECISION_SEQUENCE, "1"),
            (header::DOCUMENT, kind),
            (header::PARTNER, "US1"),
            (header::CURRENCY, currency),
        ] {
            headers.insert(name, value);
        }
        let subject = format!("invoices.issued.main.A-{number}");
        Self { subject, time_ms, headers, payload: Bytes::new() }
    }

    fn event(&self, source: usize, sequence: usize) -> Event<'_> {
        Event {
            source,
            sequence: sequence as u64,
            time_ms: self.time_ms,
            subject: &self.subject,
            headers: Some(&self.headers),
            payload: Some(&self.payload),
            kept_from: 0,
        }
    }

    fn window(&self) -> i64 {
        window_of(self.time_ms.div_euclid(1_000))
    }
}

/// The documents, and what is said of windows.
#[derive(Default)]
struct Streams {
    documents: Vec<Stored>,
    said: Vec<Stored>,
    taken: BTreeSet<String>,
}

impl Streams {
    /// Stores a message if there is none on its subject, as a server does that is told to expect nothing.
    fn publish(&mut self, message: messaging::publish::Outgoing) {
        let messaging::publish::Outgoing { subject, headers, payload, .. } = message;
        if self.taken.insert(subject.clone()) {
            self.said.push(Stored { subject, time_ms: 0, headers, payload });
        }
    }

    /// Up to where the final result of a window has counted.
    fn final_to(&self, window: i64) -> Option<u64> {
        let subject = message::subject(window);
        let found = self.said.iter().find(|stored| stored.subject == subject)?;
        Some(said(found).1["counted_to"].as_u64().unwrap())
    }
}

fn said(stored: &Stored) -> (Said, Value) {
    let (_, said) = message::read(&stored.event(1, 1)).unwrap().unwrap();
    let event: Value = serde_json::from_slice(&stored.payload).unwrap();
    (said, event["data"].clone())
}

/// A state, and the positions up to which it has read, as a checkpoint has them.
#[derive(Default)]
struct Replica {
    shards: BTreeMap<String, Hours>,
    read: [usize; 2],
}

impl Replica {
    fn read(&mut self, streams: &Streams, source: usize, count: usize) {
        let stream = if source == DOCUMENTS { &streams.documents } else { &streams.said };
        for stored in stream.iter().skip(self.read[source]).take(count) {
            self.read[source] += 1;
            let event = stored.event(source, self.read[source]);
            let (key, said) = Windows.read(&event).unwrap().unwrap();
            let hours = self.shards.entry(key.into_owned()).or_default();
            Windows.apply(hours, &event, said).unwrap();
        }
    }

    fn saved(&self) -> Self {
        let text = serde_json::to_string(&self.shards).unwrap();
        Self { shards: serde_json::from_str(&text).unwrap(), read: self.read }
    }

    /// When the newest document was stored.
    fn last_ms(&self) -> i64 {
        let shards: Vec<&Hours> = self.shards.values().collect();
        last_ms(&shards).map_or(0, |(_, ms)| ms)
    }

    /// Closes windows as the closer does, and ends after so many messages. Was there nothing to say?
    fn close(&self, streams: &mut Streams, now_ms: i64, mut messages_max: usize) -> bool {
        let shards: Vec<&Hours> = self.shards.values().collect();
        let over = over(&shards, now_ms, |_, _| false, usize::MAX);
        for over in &over {
            let mut messages = Vec::new();
            let after = match over.known.final_to {
                0 => {
                    messages.push(over.result());
                    streams.final_to(over.start).unwrap_or(over.read_to)
                }
                _ => over.known.settled_to(),
            };
            for (index, document) in streams.documents.iter().enumerate() {
                let sequence = index as u64 + 1;
                let is_late = after < sequence && sequence <= over.known.last;
                if is_late && document.window() == over.start {
                    let event = document.event(DOCUMENTS, index + 1);
                    let issued = issued::read(&event).unwrap();
                    messages.push(message::correction(over.start, sequence, "A", &issued));
                }
            }
            for message in messages {
                let Some(left) = messages_max.checked_sub(1) else { return false };
                messages_max = left;
                streams.publish(message);
            }
        }
        over.is_empty()
    }
}

type Counted = BTreeMap<String, (u64, i128)>;

fn add(sums: &mut Counted, currency: &Value, count: u64, amount: &Value) {
    let units = Units::parse(amount.as_str().unwrap()).unwrap().0;
    let sum = sums.entry(currency.as_str().unwrap().to_owned()).or_default();
    (sum.0, sum.1) = (sum.0 + count, sum.1 + units);
}

/// Each window has one final result, and comes with its corrections to all its documents, each once. How many
/// corrections there are.
fn check(streams: &Streams) -> usize {
    let mut expected = BTreeMap::<i64, Counted>::new();
    for document in &streams.documents {
        let of = |name: &str| document.headers.get(name).unwrap().as_str();
        let sign = if of(header::DOCUMENT) == "invoice" { "" } else { "-" };
        let amount = Value::from(format!("{sign}{}", of(header::PAYABLE)));
        let sums = expected.entry(document.window()).or_default();
        add(sums, &of(header::CURRENCY).into(), 1, &amount);
    }
    let (mut found, mut finals) = (BTreeMap::<i64, Counted>::new(), BTreeMap::new());
    let mut corrections = 0;
    for stored in &streams.said {
        let window = start(&stored.subject).unwrap();
        let sums = found.entry(window).or_default();
        match said(stored) {
            (Said::Final { to }, data) => {
                assert_eq!(finals.insert(window, to), None, "window {window} has two results");
                for (currency, sum) in data["totals"].as_object().unwrap() {
                    let count = |field: &str| sum[field].as_u64().unwrap();
                    let both = count("invoices") + count("credit_notes");
                    add(sums, &currency.as_str().into(), both, &sum["total"]);
                }
            }
            (Said::Correction { of }, data) => {
                let document = &streams.documents[usize::try_from(of).unwrap() - 1];
                assert_eq!(document.window(), window);
                add(sums, &data["currency"], 1, &data["amount"]);
                corrections += 1;
            }
        }
    }
    assert_eq!(finals.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert_eq!(found, expected);
    corrections
}

/// What comes to be said in an hour, and how many corrections are among it.
fn hour(seed: u64, offsets_ms: [i64; 3]) -> usize {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut streams = Streams::default();
    let mut replicas = [Replica::default(), Replica::default()];
    let mut checkpoints = [Replica::default(), Replica::default()];
    let (mut now_ms, mut leader) = (1_800_000_000_000_i64, 0);
    let end_ms = now_ms + 3_600_000;
    while now_ms < end_ms {
        now_ms += i64::try_from(chance.below(4_000)).unwrap();
        if chance.below(100) == 0 {
            leader = usize::try_from(chance.below(3)).unwrap();
        }
        let number = streams.documents.len();
        let time_ms = now_ms + offsets_ms[leader];
        streams.documents.push(Stored::document(number, time_ms, chance.below(100_000)));
        let which = usize::try_from(chance.below(2)).unwrap();
        let count = usize::try_from(chance.below(8)).unwrap();
        let replica = &mut replicas[which];
        match chance.below(20) {
            0 => *replica = checkpoints[which].saved(),
            1 => checkpoints[which] = replica.saved(),
            // Its checkpoint is lost in the middle.
            2 if chance.below(10) == 0 => *replica = Replica::default(),
            3..8 => replica.read(&streams, 1, count),
            8..15 => replica.read(&streams, DOCUMENTS, count),
            _ => {
                let idle_ms = i64::try_from(chance.below(8_000)).unwrap();
                replica.close(&mut streams, replica.last_ms() + idle_ms, count);
            }
        }
    }
    for replica in &mut replicas {
        replica.read(&streams, DOCUMENTS, usize::MAX);
        // What is said once is read back, and then there is nothing more to say.
        let mut rounds = (0..10).map(|_| {
            replica.read(&streams, 1, usize::MAX);
            replica.close(&mut streams, replica.last_ms() + 300_000, usize::MAX)
        });
        assert!(rounds.any(|is_settled| is_settled), "it never ends");
    }
    check(&streams)
}

#[test]
fn final_results_and_corrections_are_all_documents_with_clocks_off_by_minutes() {
    let corrections: usize = (1..=12).map(|seed| hour(seed, [0, 140_000, -95_000])).sum();
    assert!(0 < corrections, "nothing came late");
}

#[test]
fn who_reads_all_before_closing_has_nothing_to_correct() {
    let mut streams = Streams::default();
    let mut replica = Replica::default();
    let mut chance = Chance(7);
    for number in 0..500_u32 {
        let time_ms = 1_800_000_000_000 + i64::from(number) * 700;
        let document = Stored::document(number as usize, time_ms, chance.below(100_000));
        streams.documents.push(document);
        replica.read(&streams, DOCUMENTS, usize::MAX);
        replica.close(&mut streams, replica.last_ms(), usize::MAX);
        replica.read(&streams, 1, usize::MAX);
    }
    replica.close(&mut streams, replica.last_ms() + 7_000, usize::MAX);
    assert_eq!(check(&streams), 0);
    let by = |name: &str| {
        streams.said.iter().filter(|stored| said(stored).1["closed_by"] == name).count()
    };
    assert_eq!((by("position"), by("clock")), (69, 1));
}

#[test]
fn which_stream_is_read_first_does_not_matter() {
    let mut streams = Streams::default();
    for number in 0..200_usize {
        let time_ms = 1_800_000_000_000 + (number as i64 * 37 % 50) * 1_000;
        streams.documents.push(Stored::document(number, time_ms, 100));
    }
    let mut early = Replica::default();
    early.read(&streams, DOCUMENTS, 120);
    early.close(&mut streams, early.last_ms() + 100_000, usize::MAX);
    early.read(&streams, DOCUMENTS, usize::MAX);
    early.close(&mut streams, early.last_ms() + 100_000, usize::MAX);
    let states = [[0, 1], [1, 0]].map(|order| {
        let mut replica = Replica::default();
        for source in order {
            replica.read(&streams, source, usize::MAX);
        }
        serde_json::to_string(&replica.shards).unwrap()
    });
    assert_eq!(states[0], states[1]);
    assert!(0 < check(&streams));
}

#[test]
fn a_window_is_named_by_when_it_begins_and_what_is_none_means_nothing() {
    assert_eq!(message::subject(1_800_000_000), "analytics.invoices.5s.20270115T080000Z");
    assert_eq!(start("analytics.invoices.5s.20270115T080005Z.17"), Some(1_800_000_005));
    for other in ["analytics.invoices.5s.20270115T080001Z", "analytics.invoices.5s.x", "orders"] {
        assert_eq!(start(other), None, "{other}");
    }
}

#[test]
fn windows_of_any_size_add_up_and_are_final_when_all_their_parts_are() {
    let mut streams = Streams::default();
    let mut replica = Replica::default();
    for number in 0..90_usize {
        let time_ms = 1_800_000_000_000 + i64::try_from(number).unwrap() * 1_000;
        streams.documents.push(Stored::document(number, time_ms, 100));
    }
    replica.read(&streams, DOCUMENTS, usize::MAX);
    let now_ms = replica.last_ms() + 10_000;
    let shown = |replica: &Replica, size: &str, limit: usize| {
        let size = serde_json::from_value(size.into()).unwrap();
        let asked = Asked { size, currency: None, from: None, to: None, limit };
        let shards: Vec<&Hours> = replica.shards.values().collect();
        let now = close::Now { ms: Some(now_ms), is_least: false };
        serde_json::to_value(list(&shards, &asked, now)).unwrap()
    };
    let minutes = shown(&replica, "1m", 10);
    let fields = |list: &Value, field: &str| -> Vec<Value> {
        let windows = list["windows"].as_array().unwrap();
        windows.iter().map(|window| window[field].clone()).collect()
    };
    assert_eq!(fields(&minutes, "count"), [30, 60]);
    assert_eq!(fields(&minutes, "final"), [false, false]);
    replica.close(&mut streams, now_ms, 6);
    replica.read(&streams, 1, usize::MAX);
    assert_eq!(fields(&shown(&replica, "15s", 2), "final"), [false, false]);
    assert_eq!(fields(&shown(&replica, "1s", 90), "final")[60..], vec![Value::from(true); 30]);
    replica.close(&mut streams, now_ms, usize::MAX);
    replica.read(&streams, 1, usize::MAX);
    // The second minute is not over.
    assert_eq!(fields(&shown(&replica, "1m", 10), "final"), [false, true]);
    assert_eq!(fields(&shown(&replica, "15s", 6), "final"), [true; 6]);
    let days = shown(&replica, "24h", 10);
    assert_eq!((fields(&days, "count"), &days["more"]), (vec![90.into()], &false.into()));
    assert_eq!(shown(&replica, "5s", 3)["more"], true);
    for wrong in ["7s", "0s", "5", "s", "2d", "-5s", "99999999999999999999s", "25h"] {
        assert!(serde_json::from_value::<Size>(wrong.into()).is_err(), "{wrong}");
    }
}

/// One document a second, for a minute and a half.
fn documents(count: usize) -> (Streams, Replica) {
    let (mut streams, mut replica) = (Streams::default(), Replica::default());
    for number in 0..count {
        let time_ms = 1_800_000_000_000 + i64::try_from(number).unwrap() * 1_000;
        streams.documents.push(Stored::document(number, time_ms, 100));
    }
    replica.read(&streams, DOCUMENTS, usize::MAX);
    (streams, replica)
}

fn listed(
    replica: &Replica,
    size: &str,
    (from, to): (Option<i64>, Option<i64>),
    now: close::Now,
) -> Value {
    let size = serde_json::from_value(size.into()).unwrap();
    let second = |offset: Option<i64>| offset.map(|offset| 1_800_000_000 + offset);
    let asked = Asked { size, currency: None, from: second(from), to: second(to), limit: 100 };
    let shards: Vec<&Hours> = replica.shards.values().collect();
    serde_json::to_value(list(&shards, &asked, now)).unwrap()["windows"].clone()
}

#[test]
fn windows_between_two_times_are_whole() {
    let (_, replica) = documents(90);
    for (size, from, to, starts) in [
        ("1m", None, Some(60), "08:00:00Z"),
        ("1m", None, Some(61), "08:01:00Z 08:00:00Z"),
        ("1m", None, Some(1), "08:00:00Z"),
        ("1m", None, Some(0), ""),
        ("1m", Some(59), None, "08:01:00Z 08:00:00Z"),
        ("1m", Some(60), None, "08:01:00Z"),
        ("15s", Some(16), Some(31), "08:00:30Z 08:00:15Z"),
        ("15s", Some(15), Some(30), "08:00:15Z"),
        ("15s", Some(31), Some(31), "08:00:30Z"),
        ("15s", Some(45), Some(30), ""),
    ] {
        let now = close::Now { ms: None, is_least: true };
        let windows = listed(&replica, size, (from, to), now);
        let windows = windows.as_array().unwrap();
        let found: Vec<&str> = windows
            .iter()
            .map(|it| it["start"].as_str().unwrap().split_once('T').unwrap().1)
            .collect();
        assert_eq!(found.join(" "), starts, "{size} from {from:?} to {to:?}");
        for window in windows {
            let whole = if size == "1m" { [30, 60] } else { [15, 15] };
            assert!(whole.contains(&window["count"].as_u64().unwrap()), "{window}");
        }
    }
}

/// A process that has just begun knows what is stored, and not how long ago the last document was.
#[test]
fn what_has_its_final_result_is_final_whenever_the_process_began() {
    let (mut streams, mut replica) = documents(90);
    let last_ms = replica.last_ms();
    let now = |later_ms: i64, is_least: bool| close::Now { ms: Some(last_ms + later_ms), is_least };
    let finals = |replica: &Replica, size: &str, now: close::Now| -> Vec<Value> {
        let windows = listed(replica, size, (None, None), now);
        windows.as_array().unwrap().iter().map(|window| window["final"].clone()).collect()
    };
    let (yes, no, unknown) = (Value::from(true), Value::from(false), Value::Null);
    // Nothing is closed.
    assert_eq!(finals(&replica, "1m", now(0, true)), [no.clone(), no.clone()]);
    replica.close(&mut streams, last_ms + 10_000, usize::MAX);
    replica.read(&streams, 1, usize::MAX);
    // The last five seconds end 1 s behind the last document.
    assert_eq!(finals(&replica, "5s", now(0, true)), vec![yes.clone(); 18]);
    assert_eq!(finals(&replica, "1m", now(0, true)), [unknown, yes.clone()]);
    // While it runs it knows that the minute is not over, and later that it is.
    assert_eq!(finals(&replica, "1m", now(0, false)), [no, yes.clone()]);
    assert_eq!(finals(&replica, "1m", now(33_000, true)), [yes.clone(), yes]);
}
