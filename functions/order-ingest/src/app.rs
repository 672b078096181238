//! What the handlers share.

use crate::envelope::Types;
use crate::keyed::Keyed;
use crate::outcome::Outcome;
use crate::prices::Catalogue;
use chassis::Counts;
use chrono::{DateTime, Utc};
use domain::PartnerId;
use domain::order::Terms;
use intake::partners::Live;
use messaging::Nats;
use messaging::store::Store;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[expect(clippy::disallowed_methods, reason = "the time at which something came in by HTTP")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) nats: Nats,
    /// An order that another store, or an older copy, calls new is not placed.
    pub(crate) store: Arc<Store>,
    pub(crate) terms: Live<HashMap<PartnerId, Terms>>,
    pub(crate) catalogue: Catalogue,
    pub(crate) types: Types,
    pub(crate) keyed: Keyed,
    /// Orders are read as many at a time: the tree of a malicious one takes up to 32 times its bytes.
    pub(crate) reading: Semaphore,
    pub(crate) received: Counts<Outcome>,
}
