//! Up to which order a card was moved.
//!
//! It stands beside the card, and not in it: people replace cards, and a card that was deleted is not made again by
//! an old order.

use domain::{CustomerId, PartnerId};
use messaging::kv::{Bucket, Error};
use messaging::{Nats, streams, subject};
use serde::{Deserialize, Serialize};

/// The place of an order among those that move a card: by when it was ordered, then by when it was placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) ordered_ms: i64,
    pub(crate) sequence: u64,
}

/// The positions of all cards.
#[derive(Clone, Debug)]
pub(crate) struct Positions(Bucket<Position>);

impl Positions {
    pub(crate) fn new(nats: &Nats) -> Self {
        Self(Bucket::new(nats, streams::PERSONS))
    }

    fn key(partner: &PartnerId, id: &CustomerId) -> String {
        format!("card.{partner}.{}", subject::token(id.as_str()))
    }

    /// With its revision.
    pub(crate) async fn get(
        &self,
        partner: &PartnerId,
        id: &CustomerId,
    ) -> Result<Option<(Position, u64)>, Error> {
        self.0.get(&Self::key(partner, id)).await
    }

    /// Moves it, unless somebody else did since `revision`: then the result is false.
    pub(crate) async fn set(
        &self,
        partner: &PartnerId,
        id: &CustomerId,
        position: Position,
        revision: Option<u64>,
    ) -> Result<bool, Error> {
        let key = Self::key(partner, id);
        let set = match revision {
            Some(revision) => self.0.update(&key, &position, revision).await?,
            None => self.0.create(&key, &position).await?,
        };
        Ok(set.is_some())
    }
}
