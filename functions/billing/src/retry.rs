//! Deciding again what of an order is held, or was passed by while its partner had no seller.

use crate::app::{App, unavailable};
use crate::place::{Changed, LOOKS_MAX, Place};
use axum::Json;
use axum::extract::State;
use chassis::{Body, Key};
use domain::invoice::{Balance, Event, HeldWhat, Outcome, Refused, Retried};
use domain::{OrderId, PartnerId, WarehouseId};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use invoices::{Asking, Reading};
use messaging::inventory::SaleReturned;
use messaging::stored::{self, Standing};
use messaging::subject::{self, Stage};
use messaging::{Event as CloudEvent, events, streams};
use runtime::{Actor, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most messages of one subject of an order that are read.
const MESSAGES_MAX: usize = 2_000;

/// An order of which something is held, or that has no invoice.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryCommand {
    /// Whose order.
    partner: PartnerId,
    /// The sale; a return stands for the sale that it names.
    order_id: OrderId,
    /// The partner's if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warehouse: Option<WarehouseId>,
}

pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    actor: Actor,
    key: Key,
    Body(command): Body<RetryCommand>,
) -> Result<Json<Changed>, Problem> {
    let bound = key.bound_to("retry", &command);
    let RetryCommand { partner, order_id, warehouse } = command;
    let warehouse = warehouse.unwrap_or_else(|| app.configured.get().warehouse_of(&partner));
    let named = Place { warehouse, account: (partner, order_id) };
    let place = named.of_sale(&app).await?;
    for _ in 0..LOOKS_MAX {
        let balance = place.balance(&app).await?;
        let events = place.waiting(&app, balance.as_ref()).await?;
        if events.is_empty() {
            return place.nothing(balance).map(Json);
        }
        let seen = balance.map(|balance| balance.held).unwrap_or_default();
        let (mut moved, mut retried) = (false, Retried::default());
        let bytes_max = app.journals.body_bytes_max();
        let done = place.change(&app, &bound, &actor, &events, |desk| {
            let held = desk.known(&place.account).map(|balance| &balance.held[..]);
            moved = held.unwrap_or_default() != seen;
            if moved {
                return Err(Refused(
                    "what is held of the order changes just now; repeat it".into(),
                ));
            }
            retried = desk.retry(&place.account, &events, bytes_max);
            Ok(desk.is_changed())
        });
        let done = done.await;
        if !moved {
            return done.map(|changed| Json(place.judged(changed, &retried)));
        }
    }
    Err(Problem::unavailable("others change the order all the time; repeat it"))
}

impl Place {
    /// That of the sale which a return names, or this one.
    async fn of_sale(self, app: &App) -> Result<Self, Problem> {
        let Some(fact) = self.confirmed(app).await? else { return Ok(self) };
        let events = read(app, [fact]).await?;
        let account = events.first().map(Event::account);
        Ok(Self { account: account.unwrap_or(self.account), ..self })
    }

    /// What has to be decided, in the order of the facts: what is held, the sale if it has no invoice, and returns of it
    /// that have no credit note. What was held of a fact that is not kept any longer stays held.
    async fn waiting(&self, app: &App, balance: Option<&Balance>) -> Result<Vec<Event>, Problem> {
        let held = balance.into_iter().flat_map(|balance| &balance.held).map(|held| held.fact);
        let mut facts: BTreeSet<u64> = held.collect();
        facts.extend(self.confirmed(app).await?);
        for of_return in self.returns(app).await? {
            facts.extend(of_return.confirmed(app).await?);
        }
        let events = read(app, facts).await?;
        let is_done = |event: &Event| {
            balance.is_some_and(|balance| {
                let is_credited = || balance.credit_note_of(&event.order.order_id, event.attempt);
                let is_invoiced = || balance.invoice.is_some() && event.attempt <= balance.attempt;
                match event.what {
                    HeldWhat::Invoice => is_invoiced(),
                    HeldWhat::Return => is_credited().is_some(),
                    HeldWhat::Cancellation | HeldWhat::ReturnCancelled => false,
                }
            })
        };
        Ok(events.into_iter().filter(|event| !is_done(event)).collect())
    }

    /// The fact that confirmed the order, if it is confirmed now. What is kept stands behind it on the same subject.
    async fn confirmed(&self, app: &App) -> Result<Option<u64>, Problem> {
        let (partner, order_id) = &self.account;
        let subject = |stage| subject::order(stage, &self.warehouse, partner, order_id);
        let facts = all(app, &subject(Stage::Confirmed)).await?;
        let Some(fact) = facts.iter().rfind(|fact| confirms(fact)) else { return Ok(None) };
        let fact = fact.sequence;
        let refused = stored::last(&app.nats, streams::ORDERS, &subject(Stage::Refused)).await;
        let refused = refused.map_err(|error| unavailable(&error))?;
        Ok(refused.is_none_or(|refused| refused.sequence < fact).then_some(fact))
    }

    /// Returns that name this sale, and are not cancelled.
    async fn returns(&self, app: &App) -> Result<Vec<Self>, Problem> {
        let (partner, sale) = &self.account;
        let subject = subject::order(Stage::Returned, &self.warehouse, partner, sale);
        let mut returns = BTreeMap::new();
        for fact in all(app, &subject).await? {
            let event = serde_json::from_slice::<CloudEvent<SaleReturned>>(&fact.payload).ok();
            let said = event.and_then(|event| event.data);
            returns.extend(said.map(|said| (said.by.order_id, said.by.cancelled)));
        }
        let standing = returns.into_iter().filter(|(_, is_cancelled)| !is_cancelled);
        let place = |(order_id, _)| {
            let account = (partner.clone(), order_id);
            Self { warehouse: self.warehouse.clone(), account }
        };
        Ok(standing.map(place).collect())
    }

    /// Nothing of the order waits.
    fn nothing(&self, balance: Option<Balance>) -> Result<Changed, Problem> {
        let (partner, order_id) = &self.account;
        let Some(balance) = balance else {
            let warehouse = &self.warehouse;
            let detail =
                format!("order {partner}/{order_id} is not confirmed in warehouse {warehouse}");
            return Err(Problem::not_found(detail));
        };
        let reason = match reasons(&balance) {
            None => "there is nothing to do: nothing of the order is held".to_owned(),
            Some(held) => format!(
                "what the order asked for cannot be read again, because the stream ORDERS keeps it no longer: issue it by hand, \
                 or pay it back. {held}"
            ),
        };
        let (issued, reason) = (Vec::new(), Some(reason));
        Ok(Changed { applied: false, issued, reason, balance: Some(balance) })
    }

    /// What of it could not be issued.
    fn judged(&self, changed: Changed, retried: &Retried) -> Changed {
        let (partner, order_id) = &self.account;
        let held = changed.balance.as_ref().and_then(reasons);
        let reason = match () {
            () if retried.is_cut => Some(
                "not all of it fits into one decision; repeat it with another key for the rest"
                    .into(),
            ),
            () if held.is_some() => held,
            () if retried.outcomes.contains(&Outcome::NoSeller) => Some(format!(
                "nobody invoices the orders of partner {partner}: name its seller (seller) in partners.yml, then orderflow \
                 invoices retry {partner}/{order_id}"
            )),
            () => None,
        };
        let applied = changed.applied && (!changed.issued.is_empty() || reason.is_none());
        Changed { applied, reason, ..changed }
    }
}

/// Why something of an order is held.
fn reasons(balance: &Balance) -> Option<String> {
    let held = balance
        .held
        .iter()
        .map(|held| format!("{} of order {}: {}", held.what.as_str(), held.order_id, held.detail));
    let held: Vec<String> = held.collect();
    (!held.is_empty()).then(|| format!("held: {}", held.join("; ")))
}

/// Facts under a subject, in their order.
async fn all(app: &App, subject: &str) -> Result<Vec<Standing>, Problem> {
    let (mut found, mut from) = (Vec::new(), 1);
    while found.len() < MESSAGES_MAX {
        let next = stored::first(&app.nats, streams::ORDERS, subject, from).await;
        let Some(next) = next.map_err(|error| unavailable(&error))? else { return Ok(found) };
        from = next.sequence + 1;
        found.extend(Some(next).filter(|next| next.decision_sequence().is_some()));
    }
    let detail = format!("{subject} has more than {MESSAGES_MAX} messages, the limit");
    Err(Problem::conflict(detail))
}

/// What facts ask for, in their order; without those that are kept no longer.
async fn read(app: &App, facts: impl IntoIterator<Item = u64>) -> Result<Vec<Event>, Problem> {
    let facts: Vec<u64> = facts.into_iter().collect();
    let read = stream::iter(facts).map(|fact| async move {
        let reading = invoices::read(&app.nats, Asking { fact }).await?;
        Ok(match reading {
            Reading::Asks(event) => Some(*event),
            Reading::Nothing | Reading::Gone | Reading::Unreadable(_) => None,
        })
    });
    let read: Result<Vec<Option<Event>>, _> = read.buffered(8).try_collect().await;
    Ok(read.map_err(|error| unavailable(&error))?.into_iter().flatten().collect())
}

/// Does a fact confirm its order? What stays confirmed after something else was refused is told on the same subject.
fn confirms(fact: &Standing) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "type")]
        kind: String,
    }
    let head = serde_json::from_slice::<Head>(&fact.payload);
    head.is_ok_and(|head| head.kind == events::ORDER_CONFIRMED)
}
