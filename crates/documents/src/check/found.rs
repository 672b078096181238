//! What is found.

use domain::Money;
use domain::money::SCALE;
use std::fmt;

/// A rule that a document breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name in EN 16931-1, or in the calculation of orderflow: `BR-CO-10`, `gross`.
    pub rule: &'static str,
    /// What is wrong, and where.
    pub reason: String,
    /// Do validators of others take it? They forgive a tax that is off by less than one unit of the currency, and do
    /// not know what orderflow compares beyond EN 16931. The last credit note of an invoice may have such a tax: it
    /// takes what is left, to the cent.
    pub is_forgiven: bool,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.reason)
    }
}

/// What is found so far.
#[derive(Default)]
pub(super) struct Found(pub(super) Vec<Broken>);

impl Found {
    pub(super) fn add(&mut self, rule: &'static str, reason: impl Into<String>) {
        self.0.push(Broken { rule, reason: reason.into(), is_forgiven: false });
    }

    /// Adds a rule that does not hold.
    pub(super) fn expect(
        &mut self,
        rule: &'static str,
        holds: bool,
        reason: impl FnOnce() -> String,
    ) {
        if !holds {
            self.add(rule, reason());
        }
    }

    /// As [`Found::equal`], where validators forgive a difference below one unit of the currency.
    pub(super) fn near(&mut self, rule: &'static str, name: &str, said: Money, exact: i128) {
        let before = self.0.len();
        self.equal(rule, name, said, exact);
        let is_near = (i128::from(said.units()) - exact).abs() < i128::from(SCALE);
        self.0.iter_mut().skip(before).for_each(|broken| broken.is_forgiven = is_near);
    }

    /// Compares an amount with what it is made of.
    pub(super) fn equal(&mut self, rule: &'static str, name: &str, said: Money, exact: i128) {
        let holds = i128::from(said.units()) == exact;
        self.expect(rule, holds, || match i64::try_from(exact).map(Money::from_units) {
            Ok(exact) => format!("{name} is {said}; calculated it is {exact}"),
            Err(_) => format!("{name} is {said}; what it is made of is larger than any amount"),
        });
    }
}

/// Sums without an upper limit.
pub(super) fn sum(amounts: impl Iterator<Item = Money>) -> i128 {
    amounts.map(|amount| i128::from(amount.units())).sum()
}
