//! What people ask for: credit by hand, payments, and deciding again what was held.

use super::super::terms::Hold;
use super::super::{Account, Balance, Document, DocumentKind, Held, PAYMENTS_MAX, Payment};
use super::credit::Credit;
use super::fit::complete;
use super::share::share;
use super::{Desk, Event, Outcome, name, plus};
use crate::ProductId;
use std::collections::{BTreeMap, BTreeSet};

/// What of an invoice is credited by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditWhat {
    /// All that is left.
    Rest,
    /// Pieces of products, at the prices of the invoice and with their share of its charges and discounts.
    Pieces(BTreeMap<ProductId, i64>),
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

impl From<Hold> for Refused {
    fn from(hold: Hold) -> Self {
        Self(hold.detail)
    }
}

impl Document {
    /// Whose books it stands in: those of the sale that it is about, or of a return that names none.
    #[must_use]
    pub fn account(&self) -> Account {
        let order_id = self.original.as_ref().map_or(&self.supply.order_id, |it| &it.order_id);
        (self.supply.partner.clone(), order_id.clone())
    }
}

impl Desk<'_> {
    /// Credits an invoice by hand; document and balance are known. Gives the credit note.
    ///
    /// # Errors
    /// It is no invoice of an order as it stands, or more is asked for than is left.
    pub fn credit_by_hand(
        &mut self,
        invoice: &Document,
        what: &CreditWhat,
        reason: &str,
    ) -> Result<Document, Refused> {
        let account = invoice.account();
        let number = &invoice.number;
        let balance = self.balance(&account).clone();
        if invoice.kind == DocumentKind::CreditNote {
            return Err(Refused(format!("{number} is a credit note; only invoices are credited")));
        }
        if balance.invoice.as_ref() != Some(number) {
            let now = balance.invoice.as_deref().unwrap_or("none");
            let order = name(&account.0, &account.1);
            let text = format!("{number} is not the invoice of order {order} now, which is {now}");
            return Err(Refused(text));
        }
        if !balance.has_rest() {
            return Err(Refused(format!("nothing is left of {number} to be credited")));
        }
        self.know_document(invoice.clone());
        match what {
            CreditWhat::Rest => {
                let made = self.credit_rest(&account, Some(reason.to_owned()))?;
                made.ok_or_else(|| Refused(format!("nothing is left of {number} to be credited")))
            }
            CreditWhat::Pieces(pieces) => {
                complete(invoice, &balance, pieces).map_err(|over| Refused(over.to_string()))?;
                let priced = share(invoice, &balance, pieces);
                let (supply, pieces) = (invoice.supply.clone(), pieces.clone());
                let credit = Credit { priced, pieces, supply, reason: Some(reason.to_owned()) };
                Ok(self.credit(&account, invoice, credit)?)
            }
        }
    }

    /// Records a payment of a document. Says whether it is new: one reference on one document is one payment.
    ///
    /// # Errors
    /// The reference was recorded with another amount or day, or there are too many payments.
    pub fn pay(&mut self, account: &Account, payment: Payment) -> Result<bool, Refused> {
        let Payment { document, reference, .. } = &payment;
        let balance = self.balance(account);
        let is_it = |it: &&Payment| it.document == *document && it.reference == *reference;
        if let Some(before) = balance.payments.iter().find(is_it) {
            return match (before.amount, before.paid_on) == (payment.amount, payment.paid_on) {
                true => Ok(false),
                false => Err(Refused(format!(
                    "the payment {reference:?} of {document} was recorded before, with {} of {}; a correction is a \
                     payment of the difference with a reference of its own",
                    before.amount, before.paid_on
                ))),
            };
        }
        if PAYMENTS_MAX <= balance.payments.len() {
            let order = name(&account.0, &account.1);
            return Err(Refused(format!("order {order} has {PAYMENTS_MAX} payments, the limit")));
        }
        let balance = self.change(account);
        balance.paid = plus(balance.paid, payment.amount);
        balance.payments.push(payment);
        balance.settle();
        Ok(true)
    }

    /// Decides again what of an order is held, and what was passed by while its partner had no seller: the events are in the
    /// order of their facts, and what is held of another fact stays so. What is held again for the same reason waits
    /// since when it did, and where nothing else came of it the entry says nothing. An entry has at most `bytes_max` bytes: events that do
    /// not fit stay as they are.
    pub fn retry(&mut self, account: &Account, events: &[Event], bytes_max: usize) -> Retried {
        let before = self.balance(account).clone();
        let is_again = |held: &Held| events.iter().any(|event| event.fact == held.fact);
        if before.held.iter().any(is_again) {
            self.change(account).held.retain(|held| !is_again(held));
        }
        let mut retried = Retried::default();
        for event in events {
            match self.decide(event, bytes_max) {
                Some(outcome) => retried.outcomes.push(outcome),
                None => {
                    retried.is_cut = true;
                    break;
                }
            }
        }
        let undone = events.iter().skip(retried.outcomes.len()).map(|event| event.fact);
        let undone: BTreeSet<u64> = undone.collect();
        let waiting = before.held.iter().filter(|held| undone.contains(&held.fact)).cloned();
        self.balance(account).held.extend(waiting);
        let same = |a: &Held, b: &Held| {
            (a.what, a.fact, a.code, &a.order_id) == (b.what, b.fact, b.code, &b.order_id)
        };
        let balance = self.balance(account);
        for held in &mut balance.held {
            let old = before.held.iter().find(|old| same(old, held));
            old.into_iter().for_each(|old| held.since = old.since);
        }
        balance.settle();
        if *balance == before && self.body.documents.is_empty() {
            self.touched.remove(account);
            self.body.asked.clear();
        }
        retried
    }
}

/// What came of deciding again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Of each event that was decided, in their order.
    pub outcomes: Vec<Outcome>,
    /// Did the entry have no room for all of them?
    pub is_cut: bool,
}

impl Balance {
    /// Who may see it, and what it is about.
    #[must_use]
    pub fn account(&self) -> Account {
        (self.partner.clone(), self.order_id.clone())
    }
}
