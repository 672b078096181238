//! The fold against another one that was written for other purposes, and against itself.

use super::rows::Rows;
use super::status::{Counts, Status};
use super::{Orders, Query, counts, page};
use async_nats::HeaderMap;
use domain::PartnerId;
use messaging::{header, views};
use state::fold::{Event, Fold as _};

/// A message about one of a few orders.
struct Said {
    subject: String,
    headers: HeaderMap,
}

fn file(number: u8) -> String {
    format!("{:064x}", 7 + number)
}

fn said(random: &mut fastrand::Rng) -> Said {
    let (partner, id) = (random.u8(1..4), random.u8(0..40));
    let stage = ["placed", "confirmed", "refused"][random.usize(0..3)];
    let mut headers = HeaderMap::new();
    if random.u8(0..10) != 0 {
        headers.insert(header::ATTEMPT, random.u8(1..4).to_string());
    }
    if random.u8(0..10) != 0 {
        headers.insert(header::DECISION_SEQUENCE, "1");
    }
    if random.u8(0..10) == 0 {
        headers.insert(header::IN_FORCE, "1");
    }
    if id % 4 != 0 {
        headers.insert(header::FILE, file(id % 5));
    }
    headers.insert(header::KIND, if id % 7 == 0 { "return" } else { "sale" });
    if stage == "refused" {
        let reasons = ["insufficient_stock", "cancelled", "unknown_product"];
        headers.insert(header::REASON, reasons[random.usize(0..3)]);
    }
    headers.insert(header::TOTAL, "9.50");
    Said { subject: format!("orders.{stage}.main.US{partner}.{id}"), headers }
}

fn apply(fold: &Orders, rows: &mut Rows, sequence: u64, said: &Said, kept_from: u64) {
    let event = Event {
        source: 0,
        sequence,
        time_ms: i64::try_from(sequence).unwrap() * 10,
        subject: &said.subject,
        headers: Some(&said.headers),
        payload: None,
        kept_from,
    };
    let (_, said) = fold.read(&event).unwrap().unwrap();
    fold.apply(rows, &event, said).unwrap();
}

fn again(rows: &Rows) -> Rows {
    serde_json::from_slice(&serde_json::to_vec(rows).unwrap()).unwrap()
}

fn all(rows: &Rows) -> Vec<(String, &'static str, u32, i64, Option<String>)> {
    let query = Query { partner: None, status: None, since_ms: None, cursor: None, limit: 1_000 };
    let page = serde_json::to_value(page(&[rows], &query)).unwrap();
    let orders = page["orders"].as_array().unwrap().iter();
    let row = |order: &serde_json::Value| {
        let status: Status = serde_json::from_value(order["status"].clone()).unwrap();
        (
            order["id"].as_str().unwrap().to_owned(),
            status.as_str(),
            u32::try_from(order["attempt"].as_u64().unwrap()).unwrap(),
            order["changed_ms"].as_i64().unwrap(),
            order["file"].as_str().map(ToOwned::to_owned),
        )
    };
    orders.map(row).collect()
}

#[test]
fn it_says_what_the_other_fold_of_the_same_messages_says_also_after_a_checkpoint() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (fold, mut rows, mut other) =
            (Orders::up_to(1_000_000), Rows::default(), views::Orders::default());
        for sequence in 1..600 {
            let said = said(&mut random);
            apply(&fold, &mut rows, sequence, &said, 1);
            let ms = i64::try_from(sequence).unwrap() * 10;
            other.fold(sequence, ms, &said.subject, Some(&said.headers));
            if random.u8(0..50) == 0 {
                rows = again(&rows);
            }
        }
        let expected: Vec<_> = other.after(0).collect();
        let found = all(&rows);
        assert_eq!(found.len(), expected.len(), "seed {seed}");
        for ((id, status, attempt, changed, file), order) in found.iter().rev().zip(expected) {
            assert_eq!(*id, format!("{}/{}", order.partner, order.order_id), "seed {seed}");
            assert_eq!((*attempt, *changed), (order.attempt, order.changed_ms), "{id}");
            assert_eq!(file.as_deref(), order.file.as_deref(), "{id}");
            let other = match order.status {
                views::Status::Pending => "pending",
                views::Status::Confirmed => "confirmed",
                views::Status::Refused => match order.reason.as_deref() {
                    Some("insufficient_stock") => "out_of_stock",
                    Some("cancelled") => "cancelled",
                    _ => "refused",
                },
            };
            assert_eq!(*status, other, "{id}");
        }
        let numbers = |counts: Counts| {
            let refused = [Status::OutOfStock, Status::Refused, Status::Cancelled];
            let refused: u64 = refused.map(|status| counts.of(status)).iter().sum();
            let of = |status| counts.of(status);
            [counts.placed(), of(Status::Pending), of(Status::Confirmed), refused, counts.returns()]
        };
        let others =
            |it: views::Counts| [it.placed, it.pending, it.confirmed, it.refused, it.returns];
        let mut sum = Counts::default();
        counts(&[&rows], None).into_values().for_each(|counts| sum += counts);
        assert_eq!(numbers(sum), others(other.counts()), "seed {seed}");
        for (partner, number) in (1..4).flat_map(|partner| (0..5).map(move |n| (partner, n))) {
            let partner = PartnerId::parse(&format!("US{partner}")).unwrap();
            let own = rows.file_counts(partner.as_str(), &file(number));
            let expected = other.file_counts(&partner, &file(number));
            assert_eq!(numbers(own), others(expected), "seed {seed}, {partner}, file {number}");
        }
    }
}

#[test]
fn what_left_the_stream_leaves_as_if_it_had_never_been_read() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let messages: Vec<Said> = (0..400).map(|_| said(&mut random)).collect();
        let fold = Orders::up_to(1_000_000);
        let (mut whole, mut rest) = (Rows::default(), Rows::default());
        for (sequence, said) in (1..).zip(&messages) {
            apply(&fold, &mut whole, sequence, said, 1);
        }
        whole.forget(200, usize::MAX);
        for (sequence, said) in (1..).zip(&messages).filter(|(sequence, _)| 200 <= *sequence) {
            apply(&fold, &mut rest, sequence, said, 200);
        }
        let ids = |rows: &Rows| {
            let mut ids: Vec<_> = all(rows).into_iter().map(|row| row.0).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(ids(&whole), ids(&rest), "seed {seed}");
        assert_eq!(all(&again(&whole)), all(&whole), "seed {seed}");
        let sum_of = |rows: &Rows| {
            let mut sum = Counts::default();
            counts(&[rows], None).into_values().for_each(|counts| sum += counts);
            sum
        };
        assert_eq!(sum_of(&whole).placed(), whole.len() as u64, "seed {seed}");
        // What the checkpoint does not hold is found again: what is in it leaves as well.
        let mut again = again(&whole);
        for rows in [&mut whole, &mut again] {
            rows.forget(300, usize::MAX);
        }
        assert_eq!(all(&again), all(&whole), "seed {seed}");
        whole.forget(u64::MAX, usize::MAX);
        assert_eq!((whole.len(), all(&whole).len()), (0, 0), "seed {seed}");
        assert_eq!(sum_of(&whole), Counts::default());
        // Their places are taken by others.
        for (sequence, said) in (1_000..).zip(&messages) {
            apply(&fold, &mut whole, sequence, said, 1_000);
        }
        let mut fresh = Rows::default();
        for (sequence, said) in (1_000..).zip(&messages) {
            apply(&fold, &mut fresh, sequence, said, 1_000);
        }
        assert_eq!(all(&whole), all(&fresh), "seed {seed}");
    }
}

#[test]
fn an_order_that_was_changed_late_keeps_no_other_one_and_little_room() {
    let (fold, mut rows) = (Orders::up_to(32 * 100_000), Rows::default());
    let say = |rows: &mut Rows, sequence: u64, stage: &str, number: u64, kept_from: u64| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ATTEMPT, "1");
        headers.insert(header::DECISION_SEQUENCE, "1");
        let subject = format!("orders.{stage}.main.US1.{number}");
        apply(&fold, rows, sequence, &Said { subject, headers }, kept_from);
    };
    for number in 1..=20_000 {
        say(&mut rows, number, "placed", number, 1);
    }
    // Every thousandth is decided late, the first one last.
    for (sequence, number) in (20_001..).zip((0..20).rev().map(|n| n * 1_000 + 1)) {
        say(&mut rows, sequence, "confirmed", number, 1);
    }
    say(&mut rows, 20_021, "placed", 20_021, 20_001);
    assert_eq!(rows.len(), 21);
    let places: usize = rows.chunks.iter().map(super::columns::Chunk::len).sum();
    assert!(places <= 21 + 2 * 1_024 + 21, "{places} places");
    let held: Vec<_> = all(&rows).into_iter().map(|row| row.0).collect();
    assert_eq!((held[0].as_str(), held[20].as_str()), ("US1/20021", "US1/1"));
    for (kept_from, left) in [(20_002, 20), (20_020, 2), (20_021, 1), (20_022, 0)] {
        rows.forget(kept_from, usize::MAX);
        assert_eq!((rows.len(), all(&rows).len()), (left, left), "{kept_from}");
    }
}

#[test]
fn many_orders_fill_chunks_and_leave_them() {
    let fold = Orders::up_to(32 * 3_000);
    let mut rows = Rows::default();
    let mut headers = HeaderMap::new();
    headers.insert(header::ATTEMPT, "1");
    headers.insert(header::FILE, file(1));
    for number in 1..10_000_u64 {
        let subject = format!("orders.placed.main.US1.{number}");
        let said = Said { subject, headers: headers.clone() };
        apply(&fold, &mut rows, number, &said, 1);
    }
    let held = rows.len();
    assert!((3_000..3_400).contains(&held), "{held}");
    let again = again(&rows);
    for rows in [&rows, &again] {
        let query = |limit| Query {
            partner: Some("US1".into()),
            status: None,
            since_ms: None,
            cursor: None,
            limit,
        };
        let page = page(&[rows], &query(100_000));
        assert_eq!((page.orders.len(), page.next), (held, None));
        assert!(page.older.is_some());
        assert_eq!(rows.file_counts("US1", &file(1)).placed(), held as u64);
        assert_eq!(rows.warehouse("US1", "9999"), Some("main"));
        assert_eq!(rows.warehouse("US1", "1"), None, "it was forgotten");
    }
}
