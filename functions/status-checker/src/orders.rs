//! What became of the orders: a fold of `orders.>` by subjects and headers, without bodies.

mod columns;
mod digest;
mod expiry;
mod forget;
mod list;
mod names;
mod rows;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use list::{Links, Page, Query, View, counts, page, time};
pub(crate) use rows::Rows;
pub use status::Status;
pub(crate) use status::{Counts, Numbers, Wish};

use messaging::{streams, subject::OrderSubject};
use state::fold::{Event, Fold, Reading, Source};
use std::borrow::Cow;

/// The fold. It holds the newest orders, and at most so many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    shard_max: usize,
}

impl Orders {
    /// Shards differ in size by a few percent: none is full before all together hold `orders`.
    pub(crate) fn up_to(orders: usize) -> Self {
        let even = orders / Self::SHARDS;
        Self { shard_max: even + even / 20 + 1 }
    }
}

impl Fold for Orders {
    type State = Rows;
    type Said = OrderSubject;

    const NAME: &'static str = "orders";
    const VERSION: u32 = 1;
    const SOURCES: &'static [Source] =
        &[Source { stream: streams::ORDERS, filter: "orders.>", headers_only: true }];
    const SHARDS: usize = 32;

    /// With another limit other orders are left out.
    fn settings(&self) -> String {
        format!("up-to-{}", self.shard_max)
    }

    /// `<partner>.<order>`, the end of each subject of an order.
    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, OrderSubject> {
        let Some(key) = event.subject.splitn(4, '.').nth(3) else { return Ok(None) };
        let subject = OrderSubject::parse(event.subject);
        let subject = subject.ok_or("the subject is not that of an order")?;
        Ok(Some((Cow::Borrowed(key), subject)))
    }

    fn apply(
        &self,
        rows: &mut Rows,
        event: &Event<'_>,
        subject: OrderSubject,
    ) -> Result<(), String> {
        rows.apply(&subject, event)?;
        rows.forget(event.kept_from, self.shard_max);
        Ok(())
    }

    fn held(rows: &Rows) -> usize {
        rows.len()
    }
}
