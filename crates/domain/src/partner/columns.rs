//! Which column of a partner's file holds what.

use super::names::Names;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A column of ours, as the fields of [`Columns`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// The partner's number of the order.
    OrderId,
    /// SKU.
    ProductId,
    /// What the product is called.
    Description,
    /// Country or sales region.
    Region,
    /// Product category.
    Category,
    /// Who buys.
    CustomerId,
    /// Whole number, not zero.
    Quantity,
    /// Price of one piece.
    UnitPrice,
    /// When it was ordered.
    OrderedAt,
    /// Currency of the price: an ISO 4217 code or a sign.
    Currency,
    /// What is taken off a line as a whole, with or without a sign.
    LineDiscount,
    /// By which rate a row is taxed.
    TaxCategory,
    /// Shipping of the whole order: in one of its rows, or the same in all.
    Shipping,
    /// What is taken off the whole order, with or without a sign: in one of its rows, or the same in all.
    Discount,
    /// The tax of the whole order, as the partner has calculated it: in one of its rows, or the same in all.
    /// No part of the total.
    TaxGiven,
    /// The number of the sale that a return gives back: in one of the order's rows, or the same in all.
    Returns,
    /// The name of the person who buys: in one of the order's rows, or the same in all, like all that follow.
    Name,
    /// An e-mail address.
    Email,
    /// A telephone number with its country: `+33612345678`.
    Phone,
    /// A company.
    Company,
    /// A VAT number, with the letters of its country: `FR40303265045`.
    VatNumber,
    /// The language in which the person is written to: `fr` or `fr-CA`.
    Language,
    /// Where the invoice goes: the lines above the city.
    #[serde(rename = "billing.street")]
    BillingStreet,
    /// Where the invoice goes: the postal code.
    #[serde(rename = "billing.postal-code")]
    BillingPostalCode,
    /// Where the invoice goes: the city.
    #[serde(rename = "billing.city")]
    BillingCity,
    /// Where the invoice goes: the state or province.
    #[serde(rename = "billing.region")]
    BillingRegion,
    /// Where the invoice goes: the country, as two letters of ISO 3166.
    #[serde(rename = "billing.country")]
    BillingCountry,
    /// Where the goods go: the lines above the city.
    #[serde(rename = "delivery.street")]
    DeliveryStreet,
    /// Where the goods go: the postal code.
    #[serde(rename = "delivery.postal-code")]
    DeliveryPostalCode,
    /// Where the goods go: the city.
    #[serde(rename = "delivery.city")]
    DeliveryCity,
    /// Where the goods go: the state or province.
    #[serde(rename = "delivery.region")]
    DeliveryRegion,
    /// Where the goods go: the country, as two letters of ISO 3166.
    #[serde(rename = "delivery.country")]
    DeliveryCountry,
}

impl Column {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 32] = [
        Self::OrderId,
        Self::ProductId,
        Self::Description,
        Self::Region,
        Self::Category,
        Self::CustomerId,
        Self::Quantity,
        Self::UnitPrice,
        Self::OrderedAt,
        Self::Currency,
        Self::LineDiscount,
        Self::TaxCategory,
        Self::Shipping,
        Self::Discount,
        Self::TaxGiven,
        Self::Returns,
        Self::Name,
        Self::Email,
        Self::Phone,
        Self::Company,
        Self::VatNumber,
        Self::Language,
        Self::BillingStreet,
        Self::BillingPostalCode,
        Self::BillingCity,
        Self::BillingRegion,
        Self::BillingCountry,
        Self::DeliveryStreet,
        Self::DeliveryPostalCode,
        Self::DeliveryCity,
        Self::DeliveryRegion,
        Self::DeliveryCountry,
    ];

    /// Charges, discounts and tax.
    pub const CHARGES: [Self; 5] =
        [Self::LineDiscount, Self::TaxCategory, Self::Shipping, Self::Discount, Self::TaxGiven];

    /// Those about the person who buys. Personal data.
    pub const PERSON: [Self; 16] = [
        Self::Name,
        Self::Email,
        Self::Phone,
        Self::Company,
        Self::VatNumber,
        Self::Language,
        Self::BillingStreet,
        Self::BillingPostalCode,
        Self::BillingCity,
        Self::BillingRegion,
        Self::BillingCountry,
        Self::DeliveryStreet,
        Self::DeliveryPostalCode,
        Self::DeliveryCity,
        Self::DeliveryRegion,
        Self::DeliveryCountry,
    ];

    /// Is it about the person who buys? Such a column of a file may be another one of ours as well: a shop's
    /// number of a customer is often the e-mail address.
    #[must_use]
    pub fn is_person(self) -> bool {
        Self::PERSON.contains(&self)
    }

    /// Its key in the configuration: the path below `columns`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::OrderId => "order-id",
            Self::ProductId => "product-id",
            Self::Description => "description",
            Self::Region => "region",
            Self::Category => "category",
            Self::CustomerId => "customer-id",
            Self::Quantity => "quantity",
            Self::UnitPrice => "unit-price",
            Self::OrderedAt => "ordered-at",
            Self::Currency => "currency",
            Self::LineDiscount => "line-discount",
            Self::TaxCategory => "tax-category",
            Self::Shipping => "shipping",
            Self::Discount => "discount",
            Self::TaxGiven => "tax-given",
            Self::Returns => "returns",
            Self::Name => "name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Company => "company",
            Self::VatNumber => "vat-number",
            Self::Language => "language",
            Self::BillingStreet => "billing.street",
            Self::BillingPostalCode => "billing.postal-code",
            Self::BillingCity => "billing.city",
            Self::BillingRegion => "billing.region",
            Self::BillingCountry => "billing.country",
            Self::DeliveryStreet => "delivery.street",
            Self::DeliveryPostalCode => "delivery.postal-code",
            Self::DeliveryCity => "delivery.city",
            Self::DeliveryRegion => "delivery.region",
            Self::DeliveryCountry => "delivery.country",
        }
    }
}

/// Header names of the columns.
///
/// They are compared without case, accents, blanks and punctuation, and by all of these first. One
/// that the partner's [`Transform`] makes has no name here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Columns {
    /// The partner's number of the order.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub order_id: Names,
    /// SKU.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub product_id: Names,
    /// Whole number, not zero.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub quantity: Names,
    /// Price of one piece.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub unit_price: Names,
    /// When it was ordered.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub ordered_at: Names,
    /// Who buys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Names>,
    /// What the product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Names>,
    /// Country or sales region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Names>,
    /// Product category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Names>,
    /// Currency of the price. Rows of another one than the partner's are rejected. Without it, a column
    /// that is called `currency` is taken for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Names>,
    /// What is taken off a line as a whole, with or without a sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_discount: Option<Names>,
    /// By which rate a row is taxed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<Names>,
    /// Shipping of the whole order: in one of its rows, or the same in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Names>,
    /// What is taken off the whole order, with or without a sign: in one of its rows, or the same in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Names>,
    /// The tax of the whole order, as the partner has calculated it: in one of its rows, or the same in all.
    /// No part of the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_given: Option<Names>,
    /// The number of the sale that a return gives back: in one of its rows, or the same in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Names>,
    /// The name of the person who buys: in one of the order's rows, or the same in all, like all that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Names>,
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Names>,
    /// A telephone number with its country: `+33612345678`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Names>,
    /// A company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Names>,
    /// A VAT number, with the letters of its country: `FR40303265045`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<Names>,
    /// The language in which the person is written to: `fr` or `fr-CA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Names>,
    /// Where the invoice goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<AddressColumns>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<AddressColumns>,
}

/// Header names of the columns of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AddressColumns {
    /// The lines above the city: one column, or up to 4 of which each is a line. The file has to have all of
    /// them; empty ones are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<Names>,
    /// The postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Names>,
    /// The city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Names>,
    /// The state or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Names>,
    /// The country, as two letters of ISO 3166.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Names>,
}

impl Columns {
    /// What the columns of the file are that a column of ours is read from, each with what it may be called: one, or
    /// one for each line of a street; none where the partner does not have it.
    #[must_use]
    pub fn in_file(&self, column: Column) -> Vec<Names> {
        let Some(names) = self.names(column) else { return Vec::new() };
        match column {
            Column::BillingStreet | Column::DeliveryStreet => {
                names.iter().map(Names::from).collect()
            }
            _ => vec![names.clone()],
        }
    }

    /// What a column may be called, if the partner has it; of a street, the names of its lines.
    #[must_use]
    pub fn names(&self, column: Column) -> Option<&Names> {
        match column {
            Column::OrderId => Some(&self.order_id),
            Column::ProductId => Some(&self.product_id),
            Column::Description => self.description.as_ref(),
            Column::Region => self.region.as_ref(),
            Column::Category => self.category.as_ref(),
            Column::CustomerId => self.customer_id.as_ref(),
            Column::Quantity => Some(&self.quantity),
            Column::UnitPrice => Some(&self.unit_price),
            Column::OrderedAt => Some(&self.ordered_at),
            Column::Currency => self.currency.as_ref(),
            Column::LineDiscount => self.line_discount.as_ref(),
            Column::TaxCategory => self.tax_category.as_ref(),
            Column::Shipping => self.shipping.as_ref(),
            Column::Discount => self.discount.as_ref(),
            Column::TaxGiven => self.tax_given.as_ref(),
            Column::Returns => self.returns.as_ref(),
            Column::Name => self.name.as_ref(),
            Column::Email => self.email.as_ref(),
            Column::Phone => self.phone.as_ref(),
            Column::Company => self.company.as_ref(),
            Column::VatNumber => self.vat_number.as_ref(),
            Column::Language => self.language.as_ref(),
            Column::BillingStreet => self.billing.as_ref()?.street.as_ref(),
            Column::BillingPostalCode => self.billing.as_ref()?.postal_code.as_ref(),
            Column::BillingCity => self.billing.as_ref()?.city.as_ref(),
            Column::BillingRegion => self.billing.as_ref()?.region.as_ref(),
            Column::BillingCountry => self.billing.as_ref()?.country.as_ref(),
            Column::DeliveryStreet => self.delivery.as_ref()?.street.as_ref(),
            Column::DeliveryPostalCode => self.delivery.as_ref()?.postal_code.as_ref(),
            Column::DeliveryCity => self.delivery.as_ref()?.city.as_ref(),
            Column::DeliveryRegion => self.delivery.as_ref()?.region.as_ref(),
            Column::DeliveryCountry => self.delivery.as_ref()?.country.as_ref(),
        }
    }
}
