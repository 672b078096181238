//! Placing checked orders, each once.

use crate::app::App;
use crate::check::{self, Checked};
use crate::persons::Kept;
use crate::placed::{Differs, Placed};
use domain::raw;
use messaging::earlier::Earlier;
use messaging::publish::{self, Published, Unclear};
use messaging::stored::Standing;
use messaging::{header, stored, streams, subject, views};
use std::borrow::Cow;

impl App {
    /// Places all of them at once; the results stand in the same order. `came` is what came, by
    /// the place of the order.
    pub(crate) async fn place<'a>(
        &self,
        orders: &[Checked],
        came: impl Fn(usize) -> Cow<'a, [u8]>,
    ) -> Vec<Placed> {
        let on = match self.store.check().await {
            Ok(on) => on,
            Err(fault) => {
                let placed = vec![Placed::NotNow(fault.to_string()); orders.len()];
                placed.iter().for_each(|placed| self.received.add(placed.outcome()));
                say_what_waits(&placed);
                return placed;
            }
        };
        let mut kept = self.keep_persons(orders).await;
        let ready = |(index, _): &(usize, &Checked)| !kept.not_yet.contains_key(index);
        let ready = orders.iter().enumerate().filter(ready);
        let messages: Vec<_> = ready.map(|(_, order)| &order.message).collect();
        let mut results = publish::all(&self.nats, &messages, Some(0)).await.into_iter();
        // The connection was made again: what answered in between may have been another store.
        if self.store.still(&on).is_err()
            && let Err(fault) = self.store.check().await
        {
            let placed = vec![Placed::Unclear(fault.to_string()); orders.len()];
            placed.iter().for_each(|placed| self.received.add(placed.outcome()));
            return placed;
        }
        let mut placed = Vec::with_capacity(orders.len());
        for (index, order) in orders.iter().enumerate() {
            let outcome = match kept.not_yet.remove(&index) {
                Some(why) => why,
                None => {
                    let result = results.next().expect("each message has a result");
                    self.placed(result, &kept, index, order, || came(index)).await
                }
            };
            self.received.add(outcome.outcome());
            placed.push(outcome);
        }
        say_what_waits(&placed);
        placed
    }

    /// What became of an order whose message has this result.
    async fn placed<'a>(
        &self,
        result: Result<Published, Unclear>,
        kept: &Kept,
        index: usize,
        order: &Checked,
        came: impl FnOnce() -> Cow<'a, [u8]>,
    ) -> Placed {
        match result {
            Ok(Published::Stored(sequence)) => {
                self.store.stored(sequence);
                Placed::Now(sequence)
            }
            Ok(Published::Occupied) => self.compare(kept, index, order, &came()).await,
            Err(unclear) => unclear.into(),
        }
    }

    /// Something stands where the order belongs: is it the same order?
    async fn compare(&self, kept: &Kept, index: usize, order: &Checked, came: &[u8]) -> Placed {
        let subject = &order.message.subject;
        let standing = match stored::last(&self.nats, streams::ORDERS, subject).await {
            Ok(Some(standing)) => standing,
            Ok(None) => return Placed::Unclear(format!("{subject} is occupied and empty at once")),
            Err(error) => return Placed::Unclear(error.to_string()),
        };
        let standing = match self.in_force(order, standing).await {
            Ok(standing) => standing,
            Err(unclear) => return unclear,
        };
        let (mut has_content, mut found) = (false, None);
        // It may be what the order said before it was amended.
        let own = Earlier::own(&standing);
        for said in std::iter::once(own).chain(Earlier::of(&standing)) {
            match is_content(order, came, said.content) {
                None => {
                    return Placed::Unclear(format!(
                        "order {} of {} was placed by a later release; it is compared once order-ingest is of \
                         that release",
                        order.order_id, order.partner
                    ));
                }
                Some(false) => continue,
                Some(true) => has_content = true,
            }
            match self.is_same_person(order, &standing, said.person).await {
                Ok(true) => {
                    found = Some(said.sequence);
                    break;
                }
                Ok(false) => {}
                Err(unclear) => return unclear,
            }
        }
        if let Some(sequence) = found {
            // The one that was placed names what it said of the person.
            self.forget_person(kept, index, order, &standing).await;
            let same_event = standing.header(header::EVENT) == Some(&subject::token(&order.event));
            return match same_event {
                true => Placed::Before(sequence),
                false => Placed::Duplicate(sequence),
            };
        }
        tracing::warn!(
            partner = %order.partner, order_id = %order.order_id, warehouse = %order.warehouse,
            event.id = %order.event, "conflict: another order has this id"
        );
        self.forget_person(kept, index, order, &standing).await;
        let differs = if has_content { Differs::Person } else { Differs::Content };
        let content = own.content;
        let whole = check::conflict(order, Some(came), content, differs);
        let kept = match publish::one(&self.nats, &whole, None).await {
            // What came is too large beside the rest; that there is a conflict is not.
            Err(unclear) if unclear.is_too_large() => {
                let short = check::conflict(order, None, content, differs);
                publish::one(&self.nats, &short, None).await
            }
            kept => kept,
        };
        kept.map_or_else(Placed::from, |_| Placed::Conflict(differs))
    }
}

impl App {
    /// What the order is now: an amendment that was refused is not it.
    async fn in_force(&self, order: &Checked, last: Standing) -> Result<Standing, Placed> {
        if last.header(header::EARLIER).is_none() {
            return Ok(last);
        }
        let (warehouse, partner) = (&order.warehouse, &order.partner);
        let messages = views::lookup(&self.nats, warehouse, partner, &order.order_id).await;
        let messages = messages.map_err(|error| Placed::Unclear(error.to_string()))?;
        Ok(messages.placed.unwrap_or(last))
    }
}

/// Does the new order have the content of the stored one, compared in the stored one's version? Nothing if this
/// release does not know that version.
pub(crate) fn is_content(order: &Checked, came: &[u8], stored: &str) -> Option<bool> {
    if order.content == stored {
        return Some(true);
    }
    // It was read before; what could be another order is rare enough to be read again.
    let draft = raw::parse(came, Some(&order.partner)).ok();
    draft.map_or(Some(false), |draft| draft.has_content(stored))
}

/// Orders that wait for NATS come again without an attempt: whoever looks for them finds out why.
fn say_what_waits(placed: &[Placed]) {
    let reason = |placed: &Placed| match placed {
        Placed::Unclear(reason) | Placed::NotNow(reason) => Some(reason.clone()),
        _ => None,
    };
    let mut waiting = placed.iter().filter_map(reason);
    if let Some(first) = waiting.next() {
        let orders = 1 + waiting.count();
        tracing::warn!(orders, reason = first, "not placed; they come again");
    }
}
