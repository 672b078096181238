//! Lists of documents over all shards.

use super::balances::Balance;
use super::documents::Row;
use super::folds::Shelf;
use super::items::{Item, Wanted, items};
use chrono::NaiveDate;
use domain::Money;
use domain::invoice::{BalanceState, DocumentKind};
use messaging::subject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BinaryHeap;

/// What a list is asked for: all that is named has to fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) partner: Option<String>,
    /// As a token.
    pub(crate) customer: Option<String>,
    /// As a token.
    pub(crate) order: Option<String>,
    pub(crate) seller: Option<String>,
    pub(crate) warehouse: Option<String>,
    pub(crate) kind: Option<DocumentKind>,
    pub(crate) status: Option<Status>,
    /// Issued from this day on.
    pub(crate) from: Option<NaiveDate>,
    /// Issued up to this day, which is included.
    pub(crate) to: Option<NaiveDate>,
    /// What the number begins with, or holds.
    pub(crate) number: Option<String>,
    /// Issued before this sequence: the `next` of the page before.
    pub(crate) cursor: Option<u64>,
    pub(crate) limit: usize,
    pub(crate) today: NaiveDate,
}

/// How a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DocumentStatus")]
pub(crate) enum Status {
    /// Nothing is paid, and it is not due yet.
    Open,
    /// A part is paid.
    PartlyPaid,
    /// All is paid.
    Paid,
    /// It was due before today, and something is open.
    Overdue,
    /// All of it was credited.
    Credited,
    /// More was paid or credited than is owed.
    Refund,
    /// A credit note: it is issued, and that is all.
    Issued,
    /// Its order waits for a correction, and nobody can pay it. A filter of this status also finds invoices that are
    /// open, paid and the like, where something else of the order is held: see `held`.
    Held,
}

/// A page of a list, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DocumentPage")]
pub(crate) struct Page {
    pub(crate) invoices: Vec<View>,
    /// With `status=held`, on the first page: orders that have no invoice yet, because it is held; at most `limit`. As long
    /// as nothing was issued for an order, it has no seller, no number and no day: a filter of these leaves it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_issued: Vec<Item>,
    /// The `cursor` of the next page; nothing if this is the last one.
    pub(crate) next: Option<u64>,
    /// Older documents are not listed, because there are more than this process may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) older: Option<&'static str>,
    /// Why nothing was found: partners.yml has no such partner or seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// One document of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListedDocument")]
pub(crate) struct View {
    pub(crate) number: String,
    kind: DocumentKind,
    /// The day of issue in the seller's time zone.
    issued_on: NaiveDate,
    status: Status,
    /// `PARTNER/ORDER`, as commands take it: the order of the sale.
    order: String,
    partner: String,
    order_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    seller: String,
    warehouse: String,
    /// ISO 4217.
    currency: String,
    /// What it comes to.
    payable: Money,
    /// What of it has to be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_on: Option<NaiveDate>,
    /// Of a credit note: the invoice that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<String>,
    /// Why something of its order is held, as a code; `GET /balances/PARTNER/ORDER` has the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
    /// Its place in the list: the sequence of its fact.
    sequence: u64,
}

/// How a document stands, by the balance of its order.
fn status(shelf: &Shelf, row: &Row, today: NaiveDate) -> Status {
    if row.kind == DocumentKind::CreditNote {
        return Status::Issued;
    }
    let Some(balance) = shelf.balances.get(&row.order) else { return Status::Open };
    // An earlier attempt of the order was cancelled before the next one was invoiced.
    if balance.invoice.as_deref().is_some_and(|invoice| invoice != &*row.number) {
        return Status::Credited;
    }
    match balance.state {
        BalanceState::Open | BalanceState::PartlyPaid if balance.is_overdue(today) => {
            Status::Overdue
        }
        BalanceState::Open => Status::Open,
        BalanceState::PartlyPaid => Status::PartlyPaid,
        BalanceState::Paid => Status::Paid,
        BalanceState::Credited => Status::Credited,
        BalanceState::Refund => Status::Refund,
        BalanceState::Held => Status::Held,
    }
}

/// The balance of the order whose invoice it is now.
fn own<'a>(shelf: &'a Shelf, row: &Row) -> Option<&'a Balance> {
    let balance = shelf.balances.get(&row.order);
    balance.filter(|balance| balance.invoice.as_deref() == Some(&row.number))
}

impl Query {
    fn fits(&self, shelf: &Shelf, row: &Row) -> bool {
        let (partner, order) = row.names();
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        is(&self.partner, Some(partner))
            && is(&self.order, Some(order))
            && is(&self.customer, row.customer.as_deref())
            && is(&self.seller, Some(&row.seller))
            && is(&self.warehouse, Some(&row.warehouse))
            && self.kind.is_none_or(|kind| kind == row.kind)
            && self.from.is_none_or(|from| from <= row.issued_on)
            && self.to.is_none_or(|to| row.issued_on <= to)
            && self.number.as_deref().is_none_or(|number| row.number.contains(number))
            && self.status.is_none_or(|wanted| {
                wanted == status(shelf, row, self.today)
                    || wanted == Status::Held && own(shelf, row).is_some_and(Balance::is_held)
            })
    }
}

impl View {
    fn new(shelf: &Shelf, row: &Row, today: NaiveDate) -> Self {
        let (partner, token) = row.names();
        let order_id = subject::text(token).unwrap_or_else(|| token.to_owned());
        let balance = own(shelf, row);
        Self {
            number: row.number.to_string(),
            kind: row.kind,
            issued_on: row.issued_on,
            status: status(shelf, row, today),
            order: format!("{partner}/{order_id}"),
            partner: partner.to_owned(),
            order_id,
            customer: row.customer.as_deref().and_then(subject::text),
            seller: row.seller.to_string(),
            warehouse: row.warehouse.to_string(),
            currency: row.currency.to_string(),
            payable: Money::from_units(row.units),
            open: balance.map(|balance| Money::from_units(balance.open)),
            due_on: balance.and_then(|balance| balance.due_on),
            original: row.original.as_deref().map(str::to_owned),
            held: balance.and_then(|balance| balance.reason.as_deref()).map(str::to_owned),
            sequence: row.sequence,
        }
    }
}

/// One page. Where a shard had to forget documents, all of them end there: a list has no holes.
pub(crate) fn page(shards: &[&Shelf], query: &Query) -> Page {
    let forgotten = shards.iter().map(|shelf| shelf.documents.forgotten_to());
    let floor = forgotten.max().unwrap_or_default();
    let cursor = query.cursor.unwrap_or(u64::MAX);
    let mut found: Vec<_> = shards
        .iter()
        .map(|shelf| {
            let rows = shelf.documents.before(cursor);
            rows.filter(|row| query.fits(shelf, row)).map(|row| (*shelf, row))
        })
        .collect();
    let mut heads: BinaryHeap<(u64, usize)> = BinaryHeap::new();
    let mut rows: Vec<Option<(&Shelf, &Row)>> = Vec::new();
    for (at, found) in found.iter_mut().enumerate() {
        let head = found.next();
        heads.extend(head.map(|(_, row)| (row.sequence, at)));
        rows.push(head);
    }
    let (mut invoices, mut next) = (Vec::<View>::new(), None);
    while let Some((sequence, at)) = heads.pop() {
        if sequence <= floor {
            break;
        }
        if query.limit <= invoices.len() {
            next = invoices.last().map(|view| view.sequence);
            break;
        }
        let (Some(head), Some(found)) = (rows.get_mut(at), found.get_mut(at)) else { continue };
        let following = found.next();
        heads.extend(following.map(|(_, row)| (row.sequence, at)));
        if let Some((shelf, row)) = std::mem::replace(head, following) {
            invoices.push(View::new(shelf, row, query.today));
        }
    }
    let is_cut = 0 < floor && next.is_none();
    let older = is_cut.then_some(
        "older documents are not listed: ORDERFLOW_BILLING_DOCUMENTS_MAX is how many are held; each one is \
         answered at /invoices/NUMBER",
    );
    Page { invoices, not_issued: not_issued(shards, query), next, older, hint: None }
}

/// Orders that wait for their first document, if those are asked for.
fn not_issued(shards: &[&Shelf], query: &Query) -> Vec<Item> {
    let Query { partner, customer, order, seller, warehouse, kind, status, .. } = query;
    let is_of_documents = *kind == Some(DocumentKind::CreditNote)
        || query.number.is_some()
        || query.from.or(query.to).is_some();
    if *status != Some(Status::Held) || query.cursor.is_some() || is_of_documents {
        return Vec::new();
    }
    let wanted = Wanted {
        partner: partner.clone(),
        customer: customer.clone(),
        order: order.clone(),
        seller: seller.clone(),
        warehouse: warehouse.clone(),
        without_invoice: true,
        overdue_on: None,
        held: true,
        limit: query.limit,
    };
    items(shards, &wanted, query.today).items
}
