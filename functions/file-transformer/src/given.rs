//! An order of a file, as it was sent.

use domain::OrderId;

/// An order of a file, as published on the subject `orders`.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) order_id: OrderId,
    /// The stream that holds it.
    pub(crate) stream: &'static str,
    /// Its sequence; the last one if it was published several times.
    pub(crate) sequence: u64,
    /// The id of its event, as a token.
    pub(crate) event: String,
}
