//! Sellers: the name, numbers and texts on invoices. Plain data; reading and checking it is
//! `intake`'s work.

mod numbers;
mod percent;
mod rates;

pub use numbers::{electronic_address, iban, siren, vat_number};
pub use percent::Percent;
pub use rates::{Rate, TaxRates};

use crate::TaxCategory;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All sellers, by name.
pub type Sellers = BTreeMap<String, Seller>;

/// One seller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Seller {
    /// Its legal name.
    pub name: String,
    /// Legal form and capital, where the law wants them: `SARL au capital de 10 000 €`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_form: Option<String>,
    /// Its entry in a trade register: `RCS Paris 303 265 045`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// Where its seat is.
    pub address: Address,
    /// With the letters of its country: `FR40303265045`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<String>,
    /// Of a French company: nine digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub siren: Option<String>,
    /// Where it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    /// Where it receives electronic invoices: the code of the scheme, a colon, and the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub electronic_address: Option<String>,
    /// ISO 4217 code of its invoices, which is that of its partners' prices.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// IANA name: in which day an invoice is issued.
    pub time_zone: String,
    /// Do prices of orders hold the tax?
    pub prices: Prices,
    /// What the numbers of its invoices begin with: letters, digits and `-`, at most 12.
    #[schemars(regex(pattern = "^[A-Z0-9-]{1,12}$"))]
    pub series_prefix: String,
    /// Of its documents.
    pub language: Language,
    /// Tax category of lines that name none. Default: `standard`.
    #[serde(default = "standard")]
    #[schemars(with = "String")]
    pub tax_category: TaxCategory,
    /// Days from issue to when an invoice has to be paid: 0 to 365. Default: 30.
    #[serde(default = "thirty")]
    pub payment_days: u32,
    /// What becomes of a confirmed return that names no sale. Default: `hold`.
    #[serde(default)]
    pub returns_without_sale: WithoutSale,
    /// What it sells, where the law wants invoices to say so (France: BT-23).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplies: Option<Supplies>,
    /// What the law wants to be said on its invoices.
    #[serde(default)]
    pub texts: Texts,
}

fn standard() -> TaxCategory {
    TaxCategory::parse("standard").expect("it is short, and can be shown")
}

const fn thirty() -> u32 {
    30
}

/// What becomes of a confirmed return that names no sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutSale {
    /// A credit note that names no invoice.
    Allow,
    /// It waits until somebody decides: laws want credit notes to name what they correct.
    #[default]
    Hold,
}

/// Where a seller's seat is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "SellerAddress")]
pub struct Address {
    /// Street and number.
    pub street: String,
    /// What else belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street2: Option<String>,
    /// As it is written in the country.
    pub postcode: String,
    /// Town.
    pub city: String,
    /// ISO 3166: two capitals.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    pub country: String,
}

/// Do prices of orders hold the tax?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prices {
    /// They do: consumers pay the order's total.
    Gross,
    /// They do not: the tax is added.
    Net,
}

/// What a seller sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Supplies {
    /// Goods.
    Goods,
    /// Services.
    Services,
    /// Goods and services.
    Both,
}

/// Of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// French.
    Fr,
    /// English.
    En,
    /// Spanish.
    Es,
    /// German.
    De,
}

/// What the law wants to be said on invoices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Texts {
    /// Of penalties for late payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub penalties: Option<String>,
    /// Of the cost of recovery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_costs: Option<String>,
    /// Of discounts for early payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount_terms: Option<String>,
}
