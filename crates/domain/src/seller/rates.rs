//! Rates of tax, as a configuration says them: by country and category, each from a day on.

use super::Percent;
use crate::Money;
use crate::invoice::{TaxCode, Taxed};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rate from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// From 0 to 100.
    #[schemars(with = "f64")]
    pub percent: Percent,
    /// The first day of supply for which it holds.
    #[schemars(with = "String")]
    pub valid_from: NaiveDate,
    /// Why the rate is what it is, as a code of EN 16931: `S` taxed, `Z` zero rate, `E` exempt, `AE` the buyer owes
    /// the tax, `K` to a business in another EU country, `G` exported, `O` not subject to tax. Without it `S` above
    /// zero and `Z` at zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<TaxCode>,
    /// Why no tax is taken, as documents say it. The codes `E`, `AE`, `K`, `G` and `O` need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Rate {
    /// How something is taxed by it.
    #[must_use]
    pub fn taxed(&self) -> Taxed {
        let has_tax = Money::ZERO < self.percent.value();
        let code = self.code.unwrap_or(if has_tax { TaxCode::S } else { TaxCode::Z });
        Taxed { code, percent: self.percent, reason: self.reason.clone() }
    }

    /// What about code and reason cannot be, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        let has_tax = Money::ZERO < self.percent.value();
        match self.code {
            Some(code) if has_tax && !code.has_tax() => {
                Some("is above zero; of all codes only S has tax")
            }
            Some(TaxCode::S) if !has_tax => Some("is zero; the code S is for rates above zero"),
            Some(code) if code.needs_reason() && self.reason.is_none() => {
                Some("has a code that needs `reason`: why no tax is taken")
            }
            _ => None,
        }
    }
}

/// Rates by country (ISO 3166) and tax category. Nothing is known here that is not configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct TaxRates(BTreeMap<String, BTreeMap<String, Vec<Rate>>>);

impl TaxRates {
    /// The rate that holds in a country for a category on a day; nothing, if none is configured for it.
    #[must_use]
    pub fn on(&self, country: &str, category: &str, day: NaiveDate) -> Option<&Rate> {
        let rates = self.0.get(country)?.get(category)?;
        let held = rates.iter().filter(|rate| rate.valid_from <= day);
        held.max_by_key(|rate| rate.valid_from)
    }

    /// Is anything known of a country?
    #[must_use]
    pub fn has(&self, country: &str) -> bool {
        self.0.contains_key(country)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_rate_of_the_day_holds() {
        let rates: TaxRates = serde_json::from_value(json!({"XX": {"standard": [
            {"percent": "19.6", "valid-from": "2000-04-01"},
            {"percent": 20, "valid-from": "2014-01-01"}]}}))
        .unwrap();
        let on = |country: &str, category: &str, day: &str| {
            let rate = rates.on(country, category, day.parse().unwrap());
            rate.map(|rate| rate.percent.value().to_string())
        };
        assert_eq!(on("XX", "standard", "2013-12-31").as_deref(), Some("19.60"));
        assert_eq!(on("XX", "standard", "2014-01-01").as_deref(), Some("20.00"));
        assert_eq!(on("XX", "standard", "2000-03-31"), None);
        assert_eq!(
            (on("XX", "reduced", "2020-01-01"), on("YY", "standard", "2020-01-01")),
            (None, None)
        );
    }

    #[test]
    fn a_rate_is_a_share() {
        for bad in [json!(-1), json!(100.01), json!("x"), json!(0.00001)] {
            assert!(serde_json::from_value::<Percent>(bad.clone()).is_err(), "{bad}");
        }
    }
}
