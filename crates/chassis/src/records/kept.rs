//! Where records are kept, and the keys of requests that change them.

use messaging::Nats;
use state::record::{Record, Records};
use state::requests::Requests;
use state::wire::Wire;

/// The records of one bucket, for their routes and for who looks at them otherwise.
#[derive(Debug)]
pub struct Kept<T, W = Nats> {
    records: Records<T, W>,
    pub(super) requests: Requests<W>,
    pub(super) wire: W,
}

impl<T, W: Clone> Clone for Kept<T, W> {
    fn clone(&self) -> Self {
        let (requests, wire) = (self.requests.clone(), self.wire.clone());
        Self { records: self.records.clone(), requests, wire }
    }
}

impl<T: Record, W: Wire> Kept<T, W> {
    /// Those that `wire` reaches; nothing is asked yet.
    #[must_use]
    pub fn new(wire: W) -> Self {
        Self { records: Records::new(wire.clone()), requests: Requests::new(wire.clone()), wire }
    }

    /// The records themselves.
    #[must_use]
    pub fn records(&self) -> &Records<T, W> {
        &self.records
    }
}
