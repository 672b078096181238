//! Headers of our messages, so that views and checks need not read bodies.

/// SHA-256 of what the sender said of an order.
pub const CONTENT: &str = "Orderflow-Content";
/// `sale` or `return`.
pub const KIND: &str = "Orderflow-Kind";
/// SHA-256 of the file that the order came in.
pub const FILE: &str = "Orderflow-File";
/// The order's total.
pub const TOTAL: &str = "Orderflow-Total";
/// Id of the event that brought the order.
pub const EVENT: &str = "Orderflow-Event";
/// Who sent the file that an order on `orders` came in. Two partners may send the same file.
pub const SENDER: &str = "Orderflow-Sender";
/// Which try of the order it is.
pub const ATTEMPT: &str = "Orderflow-Attempt";
/// Id of the decision that a fact follows from.
pub const DECISION: &str = "Orderflow-Decision";
/// Sequence of that decision in its journal.
pub const DECISION_SEQUENCE: &str = "Orderflow-Decision-Sequence";
/// Why an order was refused, or why it stays confirmed, as a code.
pub const REASON: &str = "Orderflow-Reason";

/// HTTP: everything up to this stream sequence was given to the function before.
pub const AFTER: &str = "orderflow-after";
/// HTTP: the input stream.
pub const STREAM: &str = "orderflow-stream";
/// HTTP: when the input stream was created, RFC 3339.
pub const STREAM_CREATED: &str = "orderflow-stream-created";
/// HTTP: the filter under which the input is read.
pub const FILTER: &str = "orderflow-filter";
