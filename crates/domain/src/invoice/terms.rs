//! What the configuration says of invoices, at the moment of a decision.

use super::{HeldCode, TaxCode, Taxed};
use crate::partner::Partners;
use crate::person::Person;
use crate::seller::{Seller, Sellers, TaxRates};
use crate::{OrderId, PartnerId, TaxCategory};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeMap;

/// The day of a time in a time zone, by its IANA name.
pub type Day = fn(&str, DateTime<Utc>) -> NaiveDate;

/// What partners.yml says. An issued document never depends on it again.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The partners.
    pub partners: &'a Partners,
    /// Seller of orders that name no partner.
    pub direct: Option<&'a str>,
    /// All sellers.
    pub sellers: &'a Sellers,
    /// All rates.
    pub rates: &'a TaxRates,
    /// Which day it is where.
    pub day: Day,
}

/// Why something cannot be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) code: HeldCode,
    pub(super) detail: String,
}

impl Hold {
    pub(super) const fn new(code: HeldCode, detail: String) -> Self {
        Self { code, detail }
    }
}

/// A seller with its name.
pub(super) type Named<'a> = (&'a str, &'a Seller);

impl<'a> Terms<'a> {
    /// Who sells a partner's orders; nothing if nobody invoices them.
    pub(super) fn seller_of(&self, partner: &PartnerId) -> Option<Named<'a>> {
        let name = match *partner == PartnerId::direct() {
            true => self.direct,
            false => self.partners.get(partner)?.seller.as_deref(),
        }?;
        Some((name, self.sellers.get(name)?))
    }

    /// Does somebody invoice the partner's orders?
    #[must_use]
    pub fn has_seller(&self, partner: &PartnerId) -> bool {
        self.seller_of(partner).is_some()
    }

    /// The partner's key in partners.yml, for people.
    pub(super) fn place_of(partner: &PartnerId) -> String {
        match *partner == PartnerId::direct() {
            true => "direct.seller".to_owned(),
            false => format!("partners.{partner}.seller"),
        }
    }
}

/// What to do after a correction, for people.
pub(super) fn retry(partner: &PartnerId, order_id: &OrderId) -> String {
    format!("then orderflow invoices retry {partner}/{order_id}")
}

/// How the lines and charges of one document are taxed.
pub(super) struct Taxes<'a> {
    pub(super) terms: Terms<'a>,
    pub(super) seller: Named<'a>,
    pub(super) day: NaiveDate,
    pub(super) buyer: &'a Person,
    /// Those that are known already.
    pub(super) known: BTreeMap<String, Taxed>,
    /// What to do after a correction.
    pub(super) retry: String,
}

impl Taxes<'_> {
    /// Of a line or charge at `place`; `category` is the seller's own where it names none.
    pub(super) fn of(
        &mut self,
        place: &str,
        category: Option<&TaxCategory>,
    ) -> Result<Taxed, Hold> {
        let name = category.map(TaxCategory::as_str).unwrap_or_default();
        if let Some(taxed) = self.known.get(name) {
            return Ok(taxed.clone());
        }
        let (_, seller) = self.seller;
        let country = &seller.address.country;
        let wanted = category.unwrap_or(&seller.tax_category).as_str();
        let Some(rate) = self.terms.rates.on(country, wanted, self.day) else {
            let from = if category.is_some() { "" } else { ", the seller's tax-category" };
            let detail = format!(
                "{place} has the tax category {wanted:?}{from}; no rate of it holds on {} in {country}. Add it \
                 under tax-rates.{country} in partners.yml, {}",
                self.day, self.retry
            );
            return Err(Hold::new(HeldCode::NoRate, detail));
        };
        let taxed = rate.taxed();
        self.check(&taxed, &format!("tax-rates.{country}.{wanted}"))?;
        self.known.insert(name.to_owned(), taxed.clone());
        Ok(taxed)
    }

    /// What a code of EN 16931 asks for.
    fn check(&self, taxed: &Taxed, place: &str) -> Result<(), Hold> {
        let Taxed { code, reason, .. } = taxed;
        let (name, seller) = self.seller;
        let retry = &self.retry;
        if code.needs_reason() && reason.is_none() {
            let detail = format!(
                "{place} in partners.yml has the code {}, and no reason why no tax is taken. Add `reason` to the \
                 rate, {retry}",
                code.as_str()
            );
            return Err(Hold::new(HeldCode::NoReason, detail));
        }
        let missing = match (&seller.vat_number, &self.buyer.vat_number) {
            (None, _) => format!("sellers.{name}.vat-number in partners.yml is missing"),
            (_, None) => "the order names no VAT number of the buyer".to_owned(),
            (Some(_), Some(_)) => String::new(),
        };
        if code.needs_vat_numbers() && !missing.is_empty() {
            let detail = format!(
                "{place} has the code {}, which needs the VAT numbers of seller and buyer; {missing}. Add it, or \
                 cancel the order and place it with another tax category; {retry}",
                code.as_str()
            );
            return Err(Hold::new(HeldCode::NoVatNumber, detail));
        }
        let other = |known: &&Taxed| known.code == *code && known.reason != *reason;
        if *code != TaxCode::S && self.known.values().any(|known| other(&known)) {
            let detail = format!(
                "{place} in partners.yml has another reason for the code {} than another rate of this order; a \
                 document has one for each code. Make them the same, {retry}",
                code.as_str()
            );
            return Err(Hold::new(HeldCode::TwoReasons, detail));
        }
        Ok(())
    }
}
