#![doc = include_str!("../README.md")]

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use connector::event::{Stored, array, encode};
use domain::inventory::{Body, State};
use domain::order::{ORDER_BYTES_MAX, Terms};
use domain::partner::{
    Column, Columns, Delimiter, Duplicates, Encoding, FileFormat, LookUp, Rules,
    Transform as Expressions,
};
use domain::raw::{self, PROBLEMS_MAX};
use domain::{Order, OrderId, PartnerId, WarehouseId};
use messaging::subject::{self, OrderSubject, Stage};
use runtime::events::{BATCH_JSON, Batch};
use serde_json::Value;
use state::journal::Record;
use std::collections::HashMap;
use std::sync::Arc;
use tabular::{FileError, Limits, Part, Summary, Transform};

/// A fuzz target: a function of bytes.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 7] = [
    ("envelope", envelope),
    ("raw_order", raw_order),
    ("subject_token", subject_token),
    ("journal_entry", journal_entry),
    ("batch_body", batch_body),
    ("partner_file", partner_file),
    ("transform", transform),
];

/// Longest text in an error message.
const REASON_BYTES_MAX: usize = 1_000;

fn batch(body: &[u8]) -> Result<Batch, runtime::Problem> {
    let kind = HeaderValue::from_static(BATCH_JSON);
    Batch::parse(&HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]), body)
}

/// Converts a message of NATS to the event that a function gets.
///
/// # Panics
/// If the result is not an event, or does not contain the content of the message.
pub fn envelope(data: &[u8]) {
    let encoded = encode(&Stored {
        stream: "ORDERS",
        sequence: 7,
        previous: Some(3),
        subject: "orders",
        time: "2026-01-02T03:04:05Z",
        headers: None,
        payload: data,
    });
    let body = array([encoded.json.as_slice()].into_iter());
    let batch = batch(&body).expect("the connector sends batches");
    let [event] = batch.events.as_slice() else { panic!("one event") };
    assert_eq!(event.id(), encoded.id);
    let text = event.raw().get();
    let Ok(whole) = serde_json::from_str::<serde_json::Map<String, Value>>(text) else {
        // Valid JSON by its grammar, but no parser can represent it: too deep, a number too large, or
        // half a surrogate pair. It is passed on unchanged, for the function to refuse.
        assert!(serde_json::from_slice::<Value>(data).is_err());
        return;
    };
    assert_eq!(whole.get("sequence"), Some(&"7".into()));
    assert_eq!(whole.get("previous"), Some(&"3".into()));
    if encoded.id != "ORDERS:7" {
        return;
    }
    match (whole.get("data_base64").and_then(Value::as_str), whole.get("data")) {
        (Some(base64), None) => {
            assert_eq!(STANDARD.decode(base64).expect("it is base64"), data);
        }
        (None, Some(json)) => {
            let sent: Value = serde_json::from_slice(data).expect("only JSON is data");
            assert_eq!(*json, sent);
        }
        // An event whose own `sequence` is 7 may have both.
        (None, None) | (Some(_), Some(_)) => {
            assert!(data.is_empty() || serde_json::from_slice::<Value>(data).is_ok());
        }
    }
}

/// Parses bytes as an order.
///
/// # Panics
/// If a refusal has no text or a too long one, or an order changes when it is written and read again.
pub fn raw_order(data: &[u8]) {
    let draft = match raw::parse(data, None) {
        Ok(draft) => draft,
        Err(error) => {
            let problems = error.into_problems();
            assert!((1..=PROBLEMS_MAX + 1).contains(&problems.len()));
            for problem in problems {
                assert!(!problem.reason.is_empty() && problem.reason.len() <= REASON_BYTES_MAX);
                assert!(!problem.field.contains(char::is_control));
            }
            return;
        }
    };
    let written = serde_json::to_vec(&draft).expect("its keys are strings");
    if written.len() <= ORDER_BYTES_MAX {
        let partner = draft.partner.as_ref();
        let again = raw::parse(&written, partner).expect("what was written is an order");
        assert_eq!(again, draft);
        assert_eq!(again.content(), draft.content());
    }
    let order = draft.place(&Terms::direct(), DateTime::UNIX_EPOCH).expect("nothing is required");
    let written = serde_json::to_vec(&order).expect("its keys are strings");
    let again: Order = serde_json::from_slice(&written).expect("what was placed can be read");
    assert_eq!(again, order);
}

/// Encodes texts as tokens of subjects.
///
/// # Panics
/// If a text cannot be decoded again, or is more than one token.
pub fn subject_token(data: &[u8]) {
    let given = String::from_utf8_lossy(data);
    let token = subject::token(&given);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'=');
    assert!(token.bytes().all(allowed));
    assert_eq!(subject::text(&token).as_deref(), Some(&*given));
    if let Some(text) = subject::text(&given) {
        assert_eq!(subject::text(&subject::token(&text)), Some(text));
    }
    if let Some(parsed) = OrderSubject::parse(&given) {
        let written =
            subject::order(parsed.stage, &parsed.warehouse, &parsed.partner, &parsed.order_id);
        assert_eq!(OrderSubject::parse(&written), Some(parsed));
    }
    let shown = domain::ids::visible(&given);
    let trimmed = shown.trim();
    let is_id = (1..=128).contains(&trimmed.len()) && !trimmed.contains(char::is_control);
    assert_eq!(OrderId::parse(&given).is_ok(), is_id);
    if let Ok(order_id) = OrderId::parse(&given) {
        let (warehouse, partner) = (WarehouseId::main(), PartnerId::direct());
        let written = subject::order(Stage::Placed, &warehouse, &partner, &order_id);
        assert_eq!(written.split('.').count(), 5);
        let parsed = OrderSubject { stage: Stage::Placed, warehouse, partner, order_id };
        assert_eq!(OrderSubject::parse(&written), Some(parsed));
    }
}

/// Reads an entry of a journal.
///
/// # Panics
/// If it can be read but not folded, or changes its meaning when it is written again.
pub fn journal_entry(data: &[u8]) {
    let Ok(record) = Record::<Body>::parse(data) else { return };
    let written = record.to_bytes();
    let again = Record::<Body>::parse(&written).expect("what was written is an entry");
    assert_eq!(written, again.to_bytes());
    let (Record::Decision(entry), Record::Decision(again)) = (record, again) else { return };
    let (mut state, mut other) = (State::seeded(), State::seeded());
    state.apply(&entry.body);
    other.apply(&again.body);
    assert_eq!(state.stock, other.stock);
}

/// Handles the body of a call of order-ingest.
///
/// # Panics
/// If an order would be placed that cannot be read again, or on a subject of another order.
pub fn batch_body(data: &[u8]) {
    let Ok(batch) = batch(data) else { return };
    let us1 = Terms { partner: PartnerId::parse("US1").expect("a name"), ..Terms::direct() };
    let terms: HashMap<PartnerId, Terms> =
        [Terms::direct(), us1].map(|terms| (terms.partner.clone(), terms)).into();
    for event in &batch.events {
        let message = match order_ingest::placement(event, &terms, DateTime::UNIX_EPOCH) {
            Ok(message) => message,
            Err(error) => {
                assert!((1..=PROBLEMS_MAX + 1).contains(&error.into_problems().len()));
                continue;
            }
        };
        assert!(message.payload.len() <= ORDER_BYTES_MAX);
        assert!(message.header_bytes() <= 8 * 1024);
        for (_, values) in message.headers.iter() {
            assert!(values.iter().all(|value| !value.as_str().contains(['\r', '\n'])));
        }
        let named = OrderSubject::parse(&message.subject).expect("the subject names an order");
        let event: messaging::envelope::Event<Order> =
            serde_json::from_slice(&message.payload).expect("an event with an order");
        let order = event.data.expect("an order");
        assert_eq!((named.partner, named.order_id), (order.partner, order.order_id));
    }
}

/// Reads a partner's file. Its first byte selects the partner's configuration.
///
/// # Panics
/// If a row is lost, a line is out of order, or threads and small blocks give another result.
pub fn partner_file(data: &[u8]) {
    let (choice, file) = data.split_first().unwrap_or((&0, &[]));
    let set = |bit: u8| choice & (1 << bit) != 0;
    let format = FileFormat {
        delimiter: if set(0) { Delimiter::Auto } else { ','.into() },
        encoding: if set(1) { Encoding::Auto } else { Encoding::Utf8 },
        thousands_mark: set(2).then_some(','),
        currency_signs: vec!["£".to_owned()],
        footer_lines: u32::from(set(3)),
        footer_marker: set(4).then(|| "Total".to_owned()),
        continued_rows: set(5),
        ..FileFormat::new(Columns {
            order_id: vec!["order".to_owned(), "Order ID".to_owned()].into(),
            product_id: "sku".into(),
            quantity: "qty".into(),
            unit_price: "price".into(),
            ordered_at: "date".into(),
            customer_id: Some("who".into()),
            description: Some("text".into()),
            ..Columns::default()
        })
    };
    let duplicates = if set(6) { Duplicates::PerOrder } else { Duplicates::WholeFile };
    let rules = Rules { customer_required: set(7), duplicates, ..Rules::default() };
    let limits = Limits { record_bytes_max: 128, raw_bytes_max: 64, ..Limits::default() };
    check_reading(file, limits, |limits| {
        Transform::new(&format, &rules, "Europe/London", limits).expect("it can be used")
    });
}

/// Applies a partner's transform to a file. The first line of the input is the expression of a column,
/// the second the condition for rows, and the rest is the file without its header.
///
/// Without the feature `transform`, it does nothing.
///
/// # Panics
/// If an expression is neither accepted nor refused with a reason, a row is lost, or threads and small
/// blocks give another result.
pub fn transform(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (column, condition) = (text(), text());
    let look_up = [("a".to_owned(), "b".to_owned())].into();
    let format = FileFormat {
        transform: Some(Expressions {
            columns: [(Column::Region, column)].into(),
            condition: Some(condition).filter(|condition| !condition.is_empty()),
            look_ups: [("t".to_owned(), LookUp::Table(Arc::new(look_up)))].into(),
        }),
        ..FileFormat::new(Columns {
            order_id: "o".into(),
            product_id: "p".into(),
            quantity: "q".into(),
            unit_price: "u".into(),
            ordered_at: "d".into(),
            ..Columns::default()
        })
    };
    let rules = Rules { customer_required: false, ..Rules::default() };
    let limits = Limits { record_bytes_max: 256, raw_bytes_max: 64, ..Limits::default() };
    let transform = |limits| Transform::new(&format, &rules, "UTC", limits);
    if let Err(error) = transform(limits) {
        return assert!(!error.to_string().is_empty());
    }
    let file = [b"o,p,q,u,d,a,b,c\n", parts.next().unwrap_or_default()].concat();
    check_reading(&file, limits, |limits| transform(limits).expect("it can be used"));
}

/// Checks that threads and small blocks give the same result, and that no row is lost.
fn check_reading(file: &[u8], limits: Limits, transform: impl Fn(Limits) -> Transform) {
    let whole = read(transform(limits), file, usize::MAX);
    for (workers, block_bytes, cut) in [(1, 1, 1), (2, 50, 9)] {
        let limits = Limits { workers, block_bytes, ..limits };
        assert_eq!(read(transform(limits), file, cut), whole);
    }
    let Ok((lines, summary)) = whole else { return };
    assert_eq!(summary.rows, summary.accepted + summary.rejected() + summary.filtered);
    assert_eq!(summary.rows, lines.len() as u64 + summary.filtered);
}

/// The result of each row, in order of lines.
fn read(
    mut transform: Transform,
    file: &[u8],
    cut: usize,
) -> Result<(Vec<(u64, String)>, Summary), FileError> {
    let mut parts: Vec<Part> = Vec::new();
    for bytes in file.chunks(cut) {
        parts.extend(transform.push(bytes)?);
    }
    let (last, summary) = transform.finish()?;
    let mut lines = Vec::new();
    for Part { batch, rejects } in parts.into_iter().chain(last) {
        assert!(batch.line.is_sorted() && rejects.is_sorted_by_key(|reject| reject.line));
        lines.extend(batch.rows().map(|row| (row.line, format!("{row:?}"))));
        lines.extend(rejects.iter().map(|reject| (reject.line, format!("{reject:?}"))));
    }
    lines.sort();
    assert!(lines.windows(2).all(|pair| matches!(pair, [(one, _), (two, _)] if one < two)));
    Ok((lines, summary))
}
