//! Charges and discounts of an order, from JSON.

use super::read::{Fields, Place, Reader, given};
use super::{shown, value};
use crate::charge::{CHARGES_MAX, Charge, ChargeKind};
use crate::{Money, TaxCategory};
use serde_json::Value;

pub(super) const CHARGE_FIELDS: &[&str] = &["kind", "description", "amount", "tax_category"];

impl Reader {
    /// An amount that may be left out.
    pub(super) fn amount(
        &mut self,
        place: Place,
        fields: &Fields,
        name: &str,
    ) -> Option<Option<Money>> {
        match given(fields, name).map(value::amount) {
            None => Some(None),
            Some(Ok(amount)) => Some(Some(amount)),
            Some(Err(reason)) => self.wrong(place, name, reason),
        }
    }

    pub(super) fn tax_category(
        &mut self,
        place: Place,
        fields: &Fields,
    ) -> Option<Option<TaxCategory>> {
        let name = "tax_category";
        let Some(text) = self.text(place, fields, name)? else { return Some(None) };
        match TaxCategory::parse(&text) {
            Ok(category) => Some(Some(category)),
            Err(error) => self.wrong(place, name, error),
        }
    }

    pub(super) fn charges(&mut self, fields: &Fields) -> Option<Vec<Charge>> {
        let Some(charges) = self.member(fields, "charges", "a list", Value::as_array)? else {
            return Some(Vec::new());
        };
        self.at_most(CHARGES_MAX, charges.len(), "charges", "charges")?;
        let charges = charges.iter().enumerate().map(|(index, charge)| {
            let place = Place::Charge(index);
            let Value::Object(fields) = charge else {
                let reason = format!("is {}, not a JSON object", shown::value(charge));
                return self.wrong(place, "", reason);
            };
            self.charge(place, fields)
        });
        // All are read before one that is bad ends it.
        let charges: Vec<Option<Charge>> = charges.collect();
        charges.into_iter().collect()
    }

    fn charge(&mut self, place: Place, fields: &Fields) -> Option<Charge> {
        self.names(place, fields, CHARGE_FIELDS, "a charge");
        let kind = self.charge_kind(place, fields);
        let description = self.text(place, fields, "description");
        let amount = match self.amount(place, fields, "amount") {
            Some(None) => self.wrong(place, "amount", "is missing"),
            amount => amount.flatten(),
        };
        let tax_category = self.tax_category(place, fields);
        Some(Charge {
            kind: kind?,
            description: description?,
            amount: amount?,
            tax_category: tax_category?,
        })
    }

    fn charge_kind(&mut self, place: Place, fields: &Fields) -> Option<ChargeKind> {
        let Some(said) = given(fields, "kind") else {
            return self.wrong(place, "kind", "is missing");
        };
        let known = ChargeKind::ALL.map(ChargeKind::as_str);
        let text = said.as_str().unwrap_or_default();
        let kind = ChargeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        kind.or_else(|| {
            let meant = shown::suggestion(text, known.into_iter());
            let (shown, known) = (shown::value(said), known.join(" "));
            self.wrong(place, "kind", format!("is {shown}; kinds are {known}{meant}"))
        })
    }
}
