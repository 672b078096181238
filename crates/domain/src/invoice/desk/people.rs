//! What people ask for: credit by hand, payments, and deciding again what was held.

use super::super::terms::Hold;
use super::super::{Account, Balance, Document, DocumentKind, Held, PAYMENTS_MAX, Payment};
use super::credit::Credit;
use super::fit::{Pieces, complete, part_of};
use super::{Desk, Event, Outcome, name, plus};
use crate::order::{Kind, Line, Order};
use crate::{Money, ProductId};
use std::collections::BTreeMap;

/// What of an invoice is credited by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditWhat {
    /// All that is left.
    Rest,
    /// Pieces of products, at the prices of the invoice.
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
                let order = as_return(invoice, pieces);
                let credit = self.credit_of(invoice, &order, &account)?;
                let credit = Credit { reason: Some(reason.to_owned()), ..credit };
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

    /// Decides again what is held of an order: an event for each, in their order, or nothing where its fact is gone.
    /// What is held again for the same reason waits since when it did. Nothing is changed, and nothing returned, if the entry
    /// would have more than `bytes_max` bytes.
    pub fn retry(
        &mut self,
        account: &Account,
        events: &[Option<Event>],
        bytes_max: usize,
    ) -> Vec<Outcome> {
        let before = std::mem::take(&mut self.change(account).held);
        let mut outcomes = Vec::new();
        for (held, event) in before.iter().zip(events) {
            match event {
                Some(event) => {
                    outcomes.extend(self.decide(event, bytes_max));
                }
                None => self.change(account).held.push(held.clone()),
            }
        }
        let same = |a: &Held, b: &Held| {
            (a.what, a.fact, a.code, &a.order_id) == (b.what, b.fact, b.code, &b.order_id)
        };
        for held in &mut self.change(account).held {
            let old = before.iter().find(|old| same(old, held));
            old.into_iter().for_each(|old| held.since = old.since);
        }
        self.change(account).settle();
        outcomes
    }
}

/// Pieces of an invoice as a return of it, at its prices.
fn as_return(invoice: &Document, pieces: &Pieces) -> Order {
    let mut wanted = pieces.clone();
    let lines = invoice.lines.iter().filter_map(|line| {
        let left = wanted.get_mut(&line.product_id)?;
        let pieces = (*left).min(line.quantity);
        *left -= pieces;
        let part = (0 < pieces).then(|| part_of(line, pieces, invoice.decimals))?;
        Some(Line {
            product_id: part.product_id,
            quantity: -pieces,
            unit_price: part.unit_price,
            description: part.description,
            category: None,
            discount: part.discount,
            tax_category: None,
        })
    });
    let lines = lines.collect();
    let supply = &invoice.supply;
    Order {
        order_id: supply.order_id.clone(),
        partner: supply.partner.clone(),
        warehouse: supply.warehouse.clone(),
        kind: Kind::Return,
        attempt: supply.attempt,
        ordered_at: supply.ordered_at,
        currency: invoice.currency.clone(),
        customer: None,
        region: None,
        stock: crate::partner::StockPolicy::Ignore,
        lines,
        charges: Vec::new(),
        tax_given: None,
        metadata: BTreeMap::new(),
        returns: None,
        total: Money::ZERO,
        cancels: None,
        amends: None,
    }
}

impl Balance {
    /// Who may see it, and what it is about.
    #[must_use]
    pub fn account(&self) -> Account {
        (self.partner.clone(), self.order_id.clone())
    }
}
