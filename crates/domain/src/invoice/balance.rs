//! How an order stands in the books: what was invoiced, credited and paid of it, and what waits for somebody.

use super::{DocumentKind, Taxed};
use crate::{CustomerId, Money, OrderId, PartnerId, ProductId, WarehouseId};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most documents of one attempt of an order that its balance lists. One more is held.
pub const DOCUMENTS_MAX: usize = 1_000;
/// Most payments of one order.
pub const PAYMENTS_MAX: usize = 100;
/// Most events of one order that wait for a correction.
pub const HELD_MAX: usize = 100;

/// How an order stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BalanceState {
    /// Nothing is paid.
    Open,
    /// A part is paid.
    PartlyPaid,
    /// All is paid.
    Paid,
    /// All that was invoiced was credited, and nothing is owed to anybody.
    Credited,
    /// More was paid or credited than is owed: `open` is below zero.
    Refund,
    /// An invoice, or the only document, cannot be issued; `held` says why, and what to do. A credit note that cannot be issued is in
    /// `held` as well, and the state is that of the sums.
    Held,
}

impl BalanceState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::PartlyPaid, Self::Paid, Self::Credited, Self::Refund, Self::Held];

    /// As in JSON and in the header `Orderflow-State`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::PartlyPaid => "partly_paid",
            Self::Paid => "paid",
            Self::Credited => "credited",
            Self::Refund => "refund",
            Self::Held => "held",
        }
    }
}

/// The books of one order: a sale with its returns, or a return that names no sale. Data of
/// `invoices.balance.<warehouse>.<partner>.<order>`: the last message is how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Whose order.
    pub partner: PartnerId,
    /// The sale, or the return that names none.
    pub order_id: OrderId,
    /// From which stock.
    pub warehouse: WarehouseId,
    /// How it stands.
    pub state: BalanceState,
    /// Which attempt of the order was invoiced last; 0 if none was.
    #[serde(default)]
    pub attempt: u32,
    /// The seller's name in the configuration; nothing as long as no document was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<String>,
    /// The partner's number of the customer; guests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// ISO 4217; nothing as long as no document was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Decimals of the currency's amounts, by ISO 4217.
    #[serde(default)]
    pub decimals: u32,
    /// Number of the invoice of this attempt; nothing if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// When that invoice was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_on: Option<NaiveDate>,
    /// When it has to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<NaiveDate>,
    /// Sum of all invoices of the order, those of earlier attempts included.
    pub payable: Money,
    /// Sum of all its credit notes.
    pub credited: Money,
    /// Sum of all payments, less refunds.
    pub paid: Money,
    /// `payable` less `credited` and `paid`: what has to be paid; below zero, what has to be refunded.
    pub open: Money,
    /// The documents of this attempt, in the order in which they were issued; at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Issued>,
    /// Pieces of this attempt that are credited, by product.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub returned: BTreeMap<ProductId, i64>,
    /// What of this attempt's invoice is not credited, by rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
    /// What of its payable amount is not credited.
    #[serde(default)]
    pub payable_left: Money,
    /// How each tax category of the order is taxed; an empty name stands for lines without one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, Taxed>,
    /// Payments and refunds; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<Payment>,
    /// What cannot be issued, the oldest first; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Held>,
}

/// A document in the list of a balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Issued {
    /// Its number.
    pub number: String,
    /// What it is.
    pub kind: DocumentKind,
    /// When it was issued.
    pub issued_on: NaiveDate,
    /// What it comes to.
    pub payable: Money,
    /// The order that it is for: the sale, or a return of it.
    pub order_id: OrderId,
    /// Which attempt of that order.
    pub attempt: u32,
    /// Number of the document that takes this one back; nothing as long as none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<String>,
}

/// What of a rate is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Which rate.
    #[serde(flatten)]
    pub tax: Taxed,
    /// Without tax.
    pub base: Money,
    /// The tax.
    pub amount: Money,
}

/// A payment, or a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// The document that was paid.
    pub document: String,
    /// What was paid; below zero, what was refunded.
    pub amount: Money,
    /// When.
    pub paid_on: NaiveDate,
    /// What names the payment, such as the bank's number of it: one document has it once.
    pub reference: String,
    /// The token that recorded it, by the name of its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Something of an order that should be a document, and cannot be one yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// What would be issued.
    pub what: HeldWhat,
    /// The order that it is for: the sale, or a return of it.
    pub order_id: OrderId,
    /// Which attempt of that order.
    pub attempt: u32,
    /// Stream sequence of the fact in `ORDERS` that asks for it.
    pub fact: u64,
    /// Why it cannot be issued, as a code.
    pub code: HeldCode,
    /// Why it cannot be issued: field, value and place in partners.yml, and what to do.
    pub detail: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What would be issued.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HeldWhat {
    /// The invoice of a confirmed sale.
    Invoice,
    /// The credit note of a confirmed return.
    Return,
    /// The credit note of a sale that was cancelled.
    Cancellation,
    /// The invoice that takes back the credit note of a return that was cancelled.
    ReturnCancelled,
}

impl HeldWhat {
    /// As in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Return => "return",
            Self::Cancellation => "cancellation",
            Self::ReturnCancelled => "return_cancelled",
        }
    }
}

/// Why a document cannot be issued.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HeldCode {
    /// No rate is configured for a tax category on the day of supply.
    NoRate,
    /// The tax code needs VAT numbers of seller and buyer, and one is missing.
    NoVatNumber,
    /// The tax code needs a reason, and none is configured.
    NoReason,
    /// Two reasons under one tax code.
    TwoReasons,
    /// More is credited than is left of the invoice.
    ExceedsInvoice,
    /// There is no invoice that could be credited.
    NoOriginal,
    /// The partner of a return has no seller any more, or the seller is not configured.
    NoSeller,
    /// The seller holds returns that name no sale.
    NoSale,
    /// The order's currency is not the seller's, or is none of ISO 4217.
    Currency,
    /// The numbers of this series belong to another seller.
    SeriesTaken,
    /// The last number of this series has a day that is more than 48 hours ahead of UTC.
    SeriesAhead,
    /// The amounts, the document or the list of documents is too large.
    TooLarge,
    /// The fact or its order cannot be read.
    Unreadable,
}

impl HeldCode {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::NoRate,
        Self::NoVatNumber,
        Self::NoReason,
        Self::TwoReasons,
        Self::ExceedsInvoice,
        Self::NoOriginal,
        Self::NoSeller,
        Self::NoSale,
        Self::Currency,
        Self::SeriesTaken,
        Self::SeriesAhead,
        Self::TooLarge,
        Self::Unreadable,
    ];

    /// As in JSON and in the header `Orderflow-Reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRate => "no_rate",
            Self::NoVatNumber => "no_vat_number",
            Self::NoReason => "no_reason",
            Self::TwoReasons => "two_reasons",
            Self::ExceedsInvoice => "exceeds_invoice",
            Self::NoOriginal => "no_original",
            Self::NoSeller => "no_seller",
            Self::NoSale => "no_sale",
            Self::Currency => "currency",
            Self::SeriesTaken => "series_taken",
            Self::SeriesAhead => "series_ahead",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Balance {
    /// Of an order of which nothing was issued.
    #[must_use]
    pub const fn new(partner: PartnerId, order_id: OrderId, warehouse: WarehouseId) -> Self {
        Self {
            partner,
            order_id,
            warehouse,
            state: BalanceState::Open,
            attempt: 0,
            seller: None,
            customer: None,
            currency: None,
            decimals: 2,
            invoice: None,
            issued_on: None,
            due_on: None,
            payable: Money::ZERO,
            credited: Money::ZERO,
            paid: Money::ZERO,
            open: Money::ZERO,
            documents: Vec::new(),
            returned: BTreeMap::new(),
            left: Vec::new(),
            payable_left: Money::ZERO,
            rates: BTreeMap::new(),
            payments: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Was any document issued for it, or is one held?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.held.is_empty() && self.payments.is_empty()
    }

    /// The credit note of an attempt of a return.
    #[must_use]
    pub fn credit_note_of(&self, order_id: &OrderId, attempt: u32) -> Option<&Issued> {
        self.documents.iter().find(|issued| {
            issued.kind == DocumentKind::CreditNote
                && issued.order_id == *order_id
                && issued.attempt == attempt
        })
    }

    /// Is the invoice held, so that nothing can be paid yet? If only a credit note is held, the open amount is still shown.
    fn is_unbilled(&self) -> bool {
        let is_invoice = |held: &Held| held.what == HeldWhat::Invoice;
        self.held.iter().any(is_invoice) || self.documents.is_empty() && !self.held.is_empty()
    }

    /// How it stands, by its sums.
    #[must_use]
    pub fn state(&self) -> BalanceState {
        let all_credited = self.payable == self.credited;
        match () {
            () if self.is_unbilled() => BalanceState::Held,
            () if self.open < Money::ZERO => BalanceState::Refund,
            () if self.open == Money::ZERO && all_credited && self.payable != Money::ZERO => {
                BalanceState::Credited
            }
            () if self.open == Money::ZERO => BalanceState::Paid,
            () if self.paid == Money::ZERO => BalanceState::Open,
            () => BalanceState::PartlyPaid,
        }
    }
}
