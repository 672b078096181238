//! What follows from an entry: each document, how each order stands, and what is held.

use domain::invoice::{Balance, Body, Document, DocumentKind, Held, Made};
use domain::{CustomerId, OrderId, PartnerId, WarehouseId};
use messaging::publish::Outgoing;
use messaging::subject::{self, token};
use messaging::{events, header};
use serde::{Deserialize, Serialize};
use state::journal::Entry;

/// `source` of all facts.
pub const SOURCE: &str = "/functions/billing";

/// Data of `errors.billing.…`: what of an order was held just now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldNow {
    /// Whose order.
    pub partner: PartnerId,
    /// The order whose books wait: the sale, or a return that names none.
    pub order_id: OrderId,
    /// From which stock.
    pub warehouse: WarehouseId,
    /// What was held, with what to do.
    pub held: Vec<Held>,
}

/// The facts of an entry.
pub(crate) fn of(warehouse: &WarehouseId, entry: &Entry<Body>) -> Vec<Outgoing> {
    let Body { documents, balances, .. } = &entry.body;
    let documents = documents.iter().map(|Made { document, .. }| issued(entry, document));
    let held = balances.iter().filter_map(|balance| held(warehouse, entry, balance));
    documents.chain(balances.iter().map(|it| stands(warehouse, entry, it))).chain(held).collect()
}

fn issued(entry: &Entry<Body>, document: &Document) -> Outgoing {
    let Document { number, supply, .. } = document;
    let kind = match document.kind {
        DocumentKind::Invoice => events::INVOICE_ISSUED,
        DocumentKind::CreditNote => events::CREDIT_NOTE_ISSUED,
    };
    let subject = subject::issued(&supply.warehouse, number);
    let mut event = entry.event(number, SOURCE, kind, &subject, document);
    event.partner = Some(supply.partner.clone());
    let fact = Outgoing::new(subject, event.to_bytes());
    let fact = of_order(fact, &supply.partner, &supply.order_id, document.buyer.customer.as_ref())
        .header(header::DOCUMENT, document.kind.as_str())
        .header(header::ATTEMPT, &supply.attempt.to_string())
        .header(header::SELLER, &document.seller.id)
        .header(header::CURRENCY, &document.currency)
        .header(header::PAYABLE, &document.totals.payable.to_string())
        .header(header::ISSUED_ON, &document.issued_on.to_string());
    optional(fact, header::INVOICE, document.original.as_ref().map(|it| it.number.clone()))
}

fn stands(warehouse: &WarehouseId, entry: &Entry<Body>, balance: &Balance) -> Outgoing {
    let Balance { partner, order_id, .. } = balance;
    let subject = subject::balance(warehouse, partner, order_id);
    let part = format!("balance.{partner}.{}", token(order_id.as_str()));
    let mut event = entry.event(&part, SOURCE, events::INVOICE_BALANCE, &subject, balance);
    event.partner = Some(partner.clone());
    let fact = Outgoing::new(subject, event.to_bytes());
    let fact = of_order(fact, partner, order_id, balance.customer.as_ref())
        .header(header::STATE, balance.state.as_str())
        .header(header::PAYABLE, &balance.payable.to_string())
        .header(header::OPEN, &balance.open.to_string());
    let fact = optional(fact, header::SELLER, balance.seller.clone());
    let fact = optional(fact, header::CURRENCY, balance.currency.clone());
    let fact = optional(fact, header::INVOICE, balance.invoice.clone());
    let fact = optional(fact, header::ISSUED_ON, balance.issued_on.map(|day| day.to_string()));
    let code = balance.held.first().map(|held| held.code.as_str().to_owned());
    let fact = optional(fact, header::REASON, code);
    optional(fact, header::DUE_ON, balance.due_on.map(|day| day.to_string()))
}

fn held(warehouse: &WarehouseId, entry: &Entry<Body>, balance: &Balance) -> Option<Outgoing> {
    let Balance { partner, order_id, .. } = balance;
    let new = balance.held.iter().filter(|held| held.since == entry.at);
    let held: Vec<Held> = new.cloned().collect();
    let code = held.last()?.code;
    let subject = subject::held(warehouse, partner, order_id);
    let (partner, order_id) = (partner.clone(), order_id.clone());
    let data = HeldNow { partner, order_id, warehouse: warehouse.clone(), held };
    let part = format!("held.{}.{}", data.partner, token(data.order_id.as_str()));
    let mut event = entry.event(&part, SOURCE, events::INVOICE_HELD, &subject, &data);
    event.partner = Some(data.partner.clone());
    let fact = Outgoing::new(subject, event.to_bytes());
    let fact = of_order(fact, &data.partner, &data.order_id, balance.customer.as_ref());
    Some(fact.header(header::REASON, code.as_str()))
}

fn of_order(
    fact: Outgoing,
    partner: &PartnerId,
    order_id: &OrderId,
    customer: Option<&CustomerId>,
) -> Outgoing {
    let fact = fact.header(header::PARTNER, partner.as_str());
    let fact = fact.header(header::ORDER, &token(order_id.as_str()));
    optional(fact, header::CUSTOMER, customer.map(|customer| token(customer.as_str())))
}

fn optional(fact: Outgoing, name: &'static str, value: Option<String>) -> Outgoing {
    match value {
        Some(value) => fact.header(name, &value),
        None => fact,
    }
}
