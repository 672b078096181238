//! The desk where documents are issued: what an entry decides, piece by piece. No IO and no clock: the time is that
//! of the entry, and what is stored elsewhere was looked up before.

mod credit;
mod fit;
mod number;
mod people;
mod sale;
mod share;

pub use people::{CreditWhat, Refused, Retried};

use super::series::NextNumber;
use super::terms::Hold;
use super::{
    Account, AllSeries, Asked, Balance, Body, DOCUMENTS_MAX, Document, HELD_MAX, Held, HeldCode,
    HeldWhat, Made, State, Terms,
};
use crate::order::Order;
use crate::person::Person;
use crate::seller::Seller;
use crate::{Money, OrderId, PartnerId, WarehouseId};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// A fact of an order that asks for a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its stream sequence.
    pub fact: u64,
    /// When the order was decided: the day of supply.
    pub at: DateTime<Utc>,
    /// What it asks for.
    pub what: HeldWhat,
    /// Stream sequence of the attempt.
    pub placed: u64,
    /// Which attempt is invoiced, or was: of a cancellation, the one that was confirmed.
    pub attempt: u32,
    /// The order.
    pub order: Box<Order>,
    /// What it said of the person.
    pub person: Person,
    /// Why something that the document needs cannot be read, if it cannot: the event is held.
    pub unreadable: Option<String>,
}

/// What has to be read before an event can be decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// How an order stands.
    Balance(Account),
    /// A document, by its number.
    Document(String),
    /// Whether the next number of a series is free: a journal that is an older copy would give it again.
    Free(NextNumber),
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Documents were issued.
    Issued,
    /// It waits for a correction.
    Held(HeldCode),
    /// The partner has no seller: nobody invoices its orders.
    NoSeller,
    /// There is nothing to do, or it was done before.
    Nothing,
}

/// Issues documents for one entry.
#[derive(Clone, Debug)]
pub struct Desk<'a> {
    terms: Terms<'a>,
    warehouse: &'a WarehouseId,
    now: DateTime<Utc>,
    series: AllSeries,
    balances: BTreeMap<Account, Balance>,
    documents: BTreeMap<String, Document>,
    touched: BTreeSet<Account>,
    /// Series whose next number is known to be free.
    free: BTreeSet<String>,
    body: Body,
    bytes: usize,
}

/// About what an event takes in an entry, beside the order's number.
const ASKED_BYTES: usize = 120;

/// What an event may change, as it was before: the whole desk would have to be copied for each event.
struct Before {
    account: Account,
    balance: Option<Balance>,
    is_touched: bool,
    series: AllSeries,
    asked: usize,
    documents: usize,
    bytes: usize,
    /// What of `bytes` is the account's balance.
    size: usize,
}

impl Before {
    fn of(desk: &Desk<'_>, event: &Event) -> Self {
        let account = event.account();
        Self {
            balance: desk.balances.get(&account).cloned(),
            is_touched: desk.touched.contains(&account),
            series: desk.series.clone(),
            asked: desk.body.asked.len(),
            documents: desk.body.documents.len(),
            bytes: desk.bytes,
            size: desk.size_of(&account),
            account,
        }
    }

    fn restore(self, desk: &mut Desk<'_>) {
        for Made { document, .. } in desk.body.documents.drain(self.documents..) {
            desk.documents.remove(&document.number);
        }
        desk.body.asked.truncate(self.asked);
        if !self.is_touched {
            desk.touched.remove(&self.account);
        }
        match self.balance {
            Some(balance) => drop(desk.balances.insert(self.account, balance)),
            None => drop(desk.balances.remove(&self.account)),
        }
        (desk.series, desk.bytes) = (self.series, self.bytes);
    }
}

/// A document that has no number yet.
struct Draft<'a> {
    seller: (&'a str, &'a Seller),
    document: Document,
}

impl Event {
    /// Whose books it changes: those of the sale that a return names, else its own.
    #[must_use]
    pub fn account(&self) -> Account {
        let order = &self.order;
        let id = order.returns.as_ref().unwrap_or(&order.order_id);
        (order.partner.clone(), id.clone())
    }
}

impl<'a> Desk<'a> {
    /// `now` is the time of the entry.
    #[must_use]
    pub fn new(
        terms: Terms<'a>,
        warehouse: &'a WarehouseId,
        now: DateTime<Utc>,
        state: &State,
    ) -> Self {
        Self {
            terms,
            warehouse,
            now,
            series: state.series.clone(),
            balances: BTreeMap::new(),
            documents: BTreeMap::new(),
            touched: BTreeSet::new(),
            free: BTreeSet::new(),
            body: Body::default(),
            bytes: 0,
        }
    }

    /// How an order stands, as was looked up: nothing if nothing is stored of it.
    pub fn know_balance(&mut self, account: Account, balance: Option<Balance>) {
        let (partner, order_id) = account.clone();
        let new = || Balance::new(partner, order_id, self.warehouse.clone());
        self.balances.insert(account, balance.unwrap_or_else(new));
    }

    /// The next number of a series is free.
    pub fn know_free(&mut self, series: String) {
        self.free.insert(series);
    }

    /// A document that was looked up.
    pub fn know_document(&mut self, document: Document) {
        self.documents.insert(document.number.clone(), document);
    }

    /// What of an order cannot be changed without.
    #[must_use]
    pub fn lacks(&self, account: &Account) -> Option<Unknown> {
        let is_known = self.balances.contains_key(account);
        (!is_known).then(|| Unknown::Balance(account.clone()))
    }

    /// The balance of an order, if it is known.
    #[must_use]
    pub fn known(&self, account: &Account) -> Option<&Balance> {
        self.balances.get(account)
    }

    /// Would an entry say anything?
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.touched.is_empty() || !self.body.asked.is_empty()
    }

    /// What an event cannot be decided without.
    #[must_use]
    pub fn unknown(&self, event: &Event) -> Option<Unknown> {
        let account = event.account();
        let Some(balance) = self.balances.get(&account) else {
            return Some(Unknown::Balance(account));
        };
        let document = self.document_of(balance, event).map(Unknown::Document);
        document.or_else(|| self.number_of(balance, &event.order.partner).map(Unknown::Free))
    }

    /// The document that an event is about, if it is not known.
    fn document_of(&self, balance: &Balance, event: &Event) -> Option<String> {
        let number = match event.what {
            HeldWhat::Invoice if balance.attempt < event.attempt => balance.invoice.as_ref(),
            HeldWhat::Invoice => None,
            HeldWhat::Return | HeldWhat::Cancellation => balance.invoice.as_ref(),
            HeldWhat::ReturnCancelled => {
                let credit = balance.credit_note_of(&event.order.order_id, event.attempt);
                credit.map(|credit| &credit.number)
            }
        };
        number.filter(|number| !self.documents.contains_key(*number)).cloned()
    }

    /// Decides an event of which everything is known. Nothing is changed, and nothing returned, if the entry would have
    /// more than `bytes_max` bytes, unless the event is its first: then it is held.
    pub fn decide(&mut self, event: &Event, bytes_max: usize) -> Option<Outcome> {
        let before = Before::of(self, event);
        let is_first = self.body.asked.is_empty();
        let outcome = self.attempt(event);
        self.bytes += self.size_of(&before.account);
        self.bytes -= before.size;
        if self.bytes <= bytes_max {
            return Some(outcome);
        }
        before.restore(self);
        is_first.then(|| {
            let detail = format!(
                "the documents of the order take more than {bytes_max} bytes, the limit of one decision; invoice it \
                 by hand"
            );
            self.asked(event);
            let outcome = self.hold(event, Hold::new(HeldCode::TooLarge, detail));
            self.bytes += self.size_of(&event.account());
            outcome
        })
    }

    fn attempt(&mut self, event: &Event) -> Outcome {
        if let Some(why) = &event.unreadable {
            self.asked(event);
            return self.hold(event, Hold::new(HeldCode::Unreadable, why.clone()));
        }
        let done = match event.what {
            HeldWhat::Invoice => self.sale(event),
            HeldWhat::Return => self.returned(event),
            HeldWhat::Cancellation => self.cancelled(event),
            HeldWhat::ReturnCancelled => self.return_cancelled(event),
        };
        match done {
            Ok(outcome @ (Outcome::NoSeller | Outcome::Nothing)) => outcome,
            Ok(outcome) => {
                self.asked(event);
                outcome
            }
            Err(hold) => {
                self.asked(event);
                self.hold(event, hold)
            }
        }
    }

    fn asked(&mut self, event: &Event) {
        let Event { fact, what, attempt, ref order, .. } = *event;
        let (partner, order_id) = (order.partner.clone(), order.order_id.clone());
        self.bytes += ASKED_BYTES + order_id.as_str().len();
        self.body.asked.push(Asked { fact, what, partner, order_id, attempt });
    }

    /// About what the entry takes for the balance of an order, if it changes it.
    fn size_of(&self, account: &Account) -> usize {
        let touched = self.touched.contains(account).then(|| self.balances.get(account)).flatten();
        touched.and_then(|balance| serde_json::to_vec(balance).ok()).map_or(0, |json| json.len())
    }

    /// The entry's body; `by` is the token of the person that asked for it.
    #[must_use]
    pub fn into_body(mut self, by: Option<String>) -> Body {
        for account in &self.touched {
            let Some(mut balance) = self.balances.remove(account) else { continue };
            balance.state = balance.state();
            self.body.balances.push(balance);
        }
        Body { by, ..self.body }
    }

    fn balance(&mut self, account: &Account) -> &mut Balance {
        let (partner, order_id) = account.clone();
        let new = || Balance::new(partner, order_id, self.warehouse.clone());
        self.balances.entry(account.clone()).or_insert_with(new)
    }

    /// As [`Self::balance`], to be changed.
    fn change(&mut self, account: &Account) -> &mut Balance {
        self.touched.insert(account.clone());
        self.balance(account)
    }

    fn hold(&mut self, event: &Event, hold: Hold) -> Outcome {
        let Hold { code, detail } = hold;
        let now = self.now;
        let balance = self.change(&event.account());
        let held = Held {
            what: event.what,
            order_id: event.order.order_id.clone(),
            attempt: event.attempt,
            fact: event.fact,
            code,
            detail,
            since: now,
        };
        if HELD_MAX <= balance.held.len() {
            // Only the last one is given up: those before it are in the order of what was decided.
            balance.held.pop();
        }
        balance.held.push(held);
        Outcome::Held(code)
    }

    /// What waited of an event before it, and has nothing to wait for any more. Says whether there was anything.
    fn drop_held(&mut self, account: &Account, is_it: impl Fn(&Held) -> bool) -> bool {
        let balance = self.balance(account);
        let any = balance.held.iter().any(&is_it);
        if any {
            self.change(account).held.retain(|held| !is_it(held));
        }
        any
    }

    /// The seller as it is configured now, of whom a document is.
    fn seller_of(&self, document: &Document) -> Result<(&'a str, &'a Seller), Hold> {
        let id = &document.seller.id;
        let found = self.terms.sellers.get_key_value(id);
        found.map(|(name, seller)| (name.as_str(), seller)).ok_or_else(|| {
            let Document { number, supply, .. } = document;
            let detail = format!(
                "invoice {number} is of the seller {id}, which partners.yml has no longer. Add sellers.{id}, then \
                 orderflow invoices retry {}/{}",
                supply.partner, supply.order_id
            );
            Hold::new(HeldCode::NoSeller, detail)
        })
    }
}

impl Balance {
    /// Is there room for another document?
    fn room(&self) -> Result<(), Hold> {
        if self.documents.len() < DOCUMENTS_MAX {
            return Ok(());
        }
        let detail =
            format!("the order has {DOCUMENTS_MAX} documents, the limit; issue it by hand");
        Err(Hold::new(HeldCode::TooLarge, detail))
    }

    fn settle(&mut self) {
        self.open = minus(minus(self.payable, self.credited), self.paid);
        self.state = self.state();
    }
}

/// A sum; the largest amount where it has none.
fn plus(a: Money, b: Money) -> Money {
    Money::from_units(a.units().saturating_add(b.units()))
}

/// A difference; the largest amount where it has none.
fn minus(a: Money, b: Money) -> Money {
    Money::from_units(a.units().saturating_sub(b.units()))
}

/// A number of people for an order: `US1/A1`.
fn name(partner: &PartnerId, order_id: &OrderId) -> String {
    format!("{partner}/{order_id}")
}

#[cfg(test)]
mod tests;
