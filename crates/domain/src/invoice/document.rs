//! An issued document.

use super::Taxed;
use crate::charge::ChargeKind;
use crate::order::Metadata;
use crate::person::Person;
use crate::seller::{Address, Language, Prices, Seller, Supplies};
use crate::{CustomerId, Money, OrderId, PartnerId, ProductId, WarehouseId};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a document is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// What a sale comes to (UNTDID 1001: 380).
    Invoice,
    /// What is given back (UNTDID 1001: 381). Its amounts are above zero.
    CreditNote,
}

impl DocumentKind {
    /// As in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }
}

/// An invoice or a credit note as it was issued: it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Unique, without a gap in its series: letters, digits, `-` and `_`.
    pub number: String,
    /// What it is.
    pub kind: DocumentKind,
    /// The day of issue in the seller's time zone; never before that of the number before it.
    pub issued_on: NaiveDate,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// When it has to be paid. A credit note has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<NaiveDate>,
    /// What was supplied.
    pub supply: Supply,
    /// Who issues it.
    pub seller: Issuer,
    /// Who it is for.
    pub buyer: Buyer,
    /// ISO 4217.
    pub currency: String,
    /// Decimals of its amounts, by ISO 4217.
    pub decimals: u32,
    /// Did prices of the order hold the tax?
    pub prices: Prices,
    /// 1 to 1,000 lines; a credit note of charges alone has none.
    pub lines: Vec<DocumentLine>,
    /// Charges and discounts on the whole order, one for each rate that they fall under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<DocumentCharge>,
    /// By rate.
    pub taxes: Vec<TaxTotal>,
    /// Sums.
    pub totals: Totals,
    /// The invoice that a credit note takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// Why something is given back, as somebody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the sender of the order added for itself.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Which layout it is shown in: a later release shows an old document as it was.
    pub layout: u32,
    /// SHA-256 of the document before it in its series, in hexadecimal digits. The first one has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// What a document is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Supply {
    /// Whose order.
    pub partner: PartnerId,
    /// The order: a sale, or the return that is credited.
    pub order_id: OrderId,
    /// Which attempt of the order.
    pub attempt: u32,
    /// Stream sequence of that attempt.
    pub placed: u64,
    /// From which stock.
    pub warehouse: WarehouseId,
    /// When it was ordered.
    pub ordered_at: DateTime<Utc>,
    /// The day of supply in the seller's time zone: rates of this day hold.
    pub supplied_on: NaiveDate,
}

/// A seller as it was when a document was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Issuer {
    /// Its name in the configuration.
    pub id: String,
    /// Its legal name.
    pub name: String,
    /// Legal form and capital.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_form: Option<String>,
    /// Its entry in a trade register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// Its seat.
    pub address: Address,
    /// With the letters of its country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<String>,
    /// Of a French company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub siren: Option<String>,
    /// Where it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    /// Scheme, colon and address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electronic_address: Option<String>,
    /// IANA name.
    pub time_zone: String,
    /// Of its documents.
    pub language: Language,
    /// What it sells, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplies: Option<Supplies>,
    /// What the law wants to be said of penalties for late payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalties: Option<String>,
    /// Of the cost of recovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_costs: Option<String>,
    /// Of discounts for early payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_terms: Option<String>,
}

impl Issuer {
    /// The seller of this name, as it is now.
    #[must_use]
    pub fn of(id: &str, seller: &Seller) -> Self {
        let seller = seller.clone();
        Self {
            id: id.to_owned(),
            name: seller.name,
            legal_form: seller.legal_form,
            register: seller.register,
            address: seller.address,
            vat_number: seller.vat_number,
            siren: seller.siren,
            iban: seller.iban,
            electronic_address: seller.electronic_address,
            time_zone: seller.time_zone,
            language: seller.language,
            supplies: seller.supplies,
            penalties: seller.texts.penalties,
            recovery_costs: seller.texts.recovery_costs,
            discount_terms: seller.texts.discount_terms,
        }
    }
}

/// Who a document is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DocumentBuyer")]
pub struct Buyer {
    /// The partner's number of the customer; guests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// What the order said of the person, and nothing that was said later.
    #[serde(default, skip_serializing_if = "Person::is_empty")]
    pub person: Person,
    /// Where it receives electronic invoices: scheme, colon and address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electronic_address: Option<String>,
}

/// A line. In a credit note, what is given back of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentLine {
    /// What was sold.
    pub product_id: ProductId,
    /// What the partner calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Pieces, above zero.
    pub quantity: i64,
    /// Price of one piece as it was ordered: with tax if `prices` is `gross`.
    pub unit_price: Money,
    /// What is taken off the line, as it was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// How it is taxed.
    pub tax: Taxed,
    /// What it comes to without tax (BT-131).
    pub net: Money,
    /// What it comes to as it was ordered: quantity × price less discount, rounded.
    pub amount: Money,
}

/// A charge, or a part of it that falls under one rate (BG-20, BG-21).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentCharge {
    /// What it is for.
    pub kind: ChargeKind,
    /// What the sender calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is taxed.
    pub tax: Taxed,
    /// What it adds without tax; below zero, what it takes off.
    pub net: Money,
    /// What it adds as it was ordered.
    pub amount: Money,
}

/// All that is taxed in the same way (BG-23).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxTotal {
    /// How.
    #[serde(flatten)]
    pub tax: Taxed,
    /// What is taxed (BT-116): the sum of the net amounts of its lines and charges.
    pub base: Money,
    /// The tax (BT-117): base × percent, rounded.
    pub amount: Money,
}

/// Sums of a document (BG-22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Net amounts of lines (BT-106).
    pub lines: Money,
    /// What discounts take off, above zero (BT-107).
    pub allowances: Money,
    /// What charges add (BT-108).
    pub charges: Money,
    /// Without tax (BT-109).
    pub net: Money,
    /// All tax (BT-110).
    pub tax: Money,
    /// With tax (BT-112).
    pub gross: Money,
    /// What is added to come to the total that was ordered (BT-114): some prices with tax have no net price to the
    /// cent.
    pub rounding: Money,
    /// What is to be paid (BT-115). For prices with tax: exactly the order's total, rounded to the currency.
    pub payable: Money,
}

/// The invoice that a credit note takes back (BG-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Original {
    /// Its number.
    pub number: String,
    /// When it was issued.
    pub issued_on: NaiveDate,
    /// The sale that it is for.
    pub order_id: OrderId,
}
