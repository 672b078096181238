//! A share in percent.

use crate::Money;
use serde::{Deserialize, Serialize};

/// A share in percent, from 0 to 100 with at most four decimal places, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Money", into = "Money")]
pub struct Percent(Money);

impl Percent {
    /// None.
    pub const ZERO: Self = Self(Money::ZERO);

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
