//! Where records are kept, and the keys of requests that change them.

use super::resource::Resource;
use messaging::Nats;
use state::record::{Cache, Record, Records};
use state::requests::Requests;
use state::wire::Wire;
use std::sync::Arc;

/// The records of one bucket, for their routes and for who looks at them otherwise.
#[derive(Debug)]
pub struct Kept<T, W = Nats> {
    records: Records<T, W>,
    pub(super) requests: Requests<W>,
    pub(super) wire: W,
    /// Of types with filters.
    pub(super) cache: Option<Arc<Cache<T>>>,
}

impl<T, W: Clone> Clone for Kept<T, W> {
    fn clone(&self) -> Self {
        let (requests, wire) = (self.requests.clone(), self.wire.clone());
        let cache = self.cache.clone();
        Self { records: self.records.clone(), requests, wire, cache }
    }
}

impl<T: Resource, W: Wire> Kept<T, W> {
    /// Those that `wire` reaches. Types with [`Resource::FILTERS`] are read from now on, by the tokio runtime in
    /// which this is called; of others nothing is asked yet.
    #[must_use]
    pub fn new(wire: W) -> Self {
        let records = Records::new(wire.clone());
        let cache = (!T::FILTERS.is_empty()).then(|| Arc::new(records.cache()));
        Self { records, requests: Requests::new(wire.clone()), wire, cache }
    }
}

impl<T: Record, W: Wire> Kept<T, W> {
    /// The records themselves.
    #[must_use]
    pub fn records(&self) -> &Records<T, W> {
        &self.records
    }
}
