//! Rates of tax, as a configuration says them: by country and category, each from a day on.

use crate::Money;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A share in percent, from 0 to 100 with at most four decimal places, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Money", into = "Money")]
pub struct Percent(Money);

impl Percent {
    /// The number of percents.
    #[must_use]
    pub const fn value(self) -> Money {
        self.0
    }
}

impl TryFrom<Money> for Percent {
    type Error = String;

    fn try_from(value: Money) -> Result<Self, String> {
        let good = (Money::ZERO..=Money::from_units(100 * crate::money::SCALE)).contains(&value);
        good.then_some(Self(value)).ok_or_else(|| format!("{value} is not from 0 to 100"))
    }
}

impl From<Percent> for Money {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

/// A rate from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// From 0 to 100.
    #[schemars(with = "f64")]
    pub percent: Percent,
    /// The first day of supply for which it holds.
    #[schemars(with = "String")]
    pub valid_from: NaiveDate,
}

/// Rates by country (ISO 3166) and tax category. Nothing is known here that is not configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct TaxRates(BTreeMap<String, BTreeMap<String, Vec<Rate>>>);

impl TaxRates {
    /// The rate that holds in a country for a category on a day; nothing, if none is configured for it.
    #[must_use]
    pub fn on(&self, country: &str, category: &str, day: NaiveDate) -> Option<Percent> {
        let rates = self.0.get(country)?.get(category)?;
        let held = rates.iter().filter(|rate| rate.valid_from <= day);
        held.max_by_key(|rate| rate.valid_from).map(|rate| rate.percent)
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
            rate.map(|rate| rate.value().to_string())
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
