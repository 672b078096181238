//! Headers of our messages, so that views and checks need not read bodies.

use async_nats::HeaderMap;

/// On a message whose header block cannot be read: the whole block in base64. All other headers are
/// missing then, but those that nats-server adds to what it stores.
pub const UNREADABLE: &str = "Orderflow-Unreadable-Headers";

/// What the sender said of an order, as a hash: `domain::order::Draft::content`.
pub const CONTENT: &str = "Orderflow-Content";
/// `sale` or `return`.
pub const KIND: &str = "Orderflow-Kind";
/// SHA-256 of the file that the order came in.
pub const FILE: &str = "Orderflow-File";
/// The order's total.
pub const TOTAL: &str = "Orderflow-Total";
/// Of an order and of the facts about it: what is counted of it ([`crate::summary`]).
pub const SUMMARY: &str = "Orderflow-Summary";
/// Id of the event that brought the order.
pub const EVENT: &str = "Orderflow-Event";
/// Of an order: the customer's id, as a token. A pseudonym where the sender's own number is personal.
pub const CUSTOMER: &str = "Orderflow-Customer";
/// Of an order that says something of a person: a keyed digest of that, under which it is kept
/// ([`crate::persons`]).
pub const PERSON: &str = "Orderflow-Person";
/// Beside [`PERSON`]: when it was ordered, milliseconds since 1970.
pub const ORDERED: &str = "Orderflow-Ordered";
/// Who sent the file that an order on `orders` came in. Two partners may send the same file.
pub const SENDER: &str = "Orderflow-Sender";
/// Which try of the order it is.
pub const ATTEMPT: &str = "Orderflow-Attempt";
/// On every entry of a journal: a writer of journals wrote it. Its value is the version of the entry's
/// form.
pub const JOURNAL: &str = "Orderflow-Journal";
/// Id of the decision that a fact follows from.
pub const DECISION: &str = "Orderflow-Decision";
/// Sequence of that decision in its journal.
pub const DECISION_SEQUENCE: &str = "Orderflow-Decision-Sequence";
/// On a fact about what was refused behind a confirmed order: sequence of the message whose decision stays
/// in force.
pub const IN_FORCE: &str = "Orderflow-In-Force";
/// Why an order was refused, or why it stays confirmed, as a code.
pub const REASON: &str = "Orderflow-Reason";
/// On a fact about what was returned of a sale: `all` of it, `part`, or `none` any more.
pub const RETURNED: &str = "Orderflow-Returned";
/// On a fact about what was shipped of a sale: `all` of it, or `part`.
pub const SHIPPED: &str = "Orderflow-Shipped";

/// Of a document or a balance: whose order.
pub const PARTNER: &str = "Orderflow-Partner";
/// Of a document or a balance: the order's number, as a token.
pub const ORDER: &str = "Orderflow-Order";
/// Of a document or a balance: the seller's name in the configuration.
pub const SELLER: &str = "Orderflow-Seller";
/// Of a document: `invoice` or `credit_note`.
pub const DOCUMENT: &str = "Orderflow-Document";
/// Of a document or a balance: ISO 4217 code.
pub const CURRENCY: &str = "Orderflow-Currency";
/// Of a document: what it comes to. Of a balance: the sum of its invoices.
pub const PAYABLE: &str = "Orderflow-Payable";
/// Of a document or a balance: the day of issue, `2026-01-31`.
pub const ISSUED_ON: &str = "Orderflow-Issued-On";
/// Of a balance: when its invoice has to be paid.
pub const DUE_ON: &str = "Orderflow-Due-On";
/// Of a balance: how it stands.
pub const STATE: &str = "Orderflow-State";
/// Of a balance: what has to be paid; below zero, what has to be refunded.
pub const OPEN: &str = "Orderflow-Open";
/// Of a balance: the number of its invoice. Of a credit note: the invoice that it takes back.
pub const INVOICE: &str = "Orderflow-Invoice";

/// Of a dead letter: the stream that keeps the message.
pub const DEAD_STREAM: &str = "Orderflow-Dead-Stream";
/// Of a dead letter: the message's sequence there.
pub const DEAD_SEQUENCE: &str = "Orderflow-Dead-Sequence";
/// Of a dead letter: why the message was given up.
pub const DEAD_ERROR: &str = "Orderflow-Dead-Error";

/// Does a message where facts belong follow from a decision, as its headers say? Without permissions anybody
/// may put others there.
#[must_use]
pub fn is_fact(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(DECISION_SEQUENCE).is_some())
}
