//! Compares the prices of an order with those of the catalogue, for partners that want it.

use crate::check::Checked;
use crate::priced::Priced;
use chassis::{Counts, Kind};
use domain::partner::Prices;
use domain::problem::Problem;
use messaging::{Nats, stored, streams};
use products::Item;
use state::record::{Cache, Records};
use std::sync::OnceLock;
use std::time::Duration;

/// How old what is known of the catalogue may be. It is looked at twice a second.
const AGE_MAX: Duration = Duration::from_secs(5);
/// How long an order waits for the catalogue before it is asked for again.
const WAIT: Duration = Duration::from_secs(3);

/// An order is not placed now.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Its prices are others than the catalogue's: by field.
    Refused(Vec<Problem>),
    /// The catalogue is not known: no verdict.
    Waits(String),
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    Warned,
    Refused,
}

impl Kind for Found {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Warned, Self::Refused].into_iter()
    }

    fn label(self) -> &'static str {
        match self {
            Self::Warned => "warned",
            Self::Refused => "refused",
        }
    }
}

/// The catalogue, which is read from the first order on that needs it.
#[derive(Debug)]
pub(crate) struct Catalogue {
    nats: Nats,
    products: OnceLock<Cache<Item>>,
    found: Counts<Found>,
}

impl Catalogue {
    pub(crate) fn new(nats: Nats, found: Counts<Found>) -> Self {
        Self { nats, products: OnceLock::new(), found }
    }

    fn products(&self) -> &Cache<Item> {
        self.products.get_or_init(|| Records::<Item>::new(self.nats.clone()).cache())
    }

    /// Waits until the catalogue is known, at most [`WAIT`]: once for all orders of a call.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) async fn known(&self) -> Result<(), String> {
        if self.products().age().is_some_and(|age| age <= AGE_MAX) {
            return Ok(());
        }
        let fresh = self.products().fresh(WAIT).await;
        fresh.map_err(|error| format!("the catalogue is not known: {error}"))
    }

    /// May this order be placed as far as its prices go? `known` is what [`Self::known`] said.
    pub(crate) async fn compare(
        &self,
        order: &Checked,
        known: &Result<(), String>,
    ) -> Result<(), Stopped> {
        let Some(priced) = &order.priced else { return Ok(()) };
        known.clone().map_err(Stopped::Waits)?;
        let problems = problems(priced, self.products())?;
        if problems.is_empty() || !priced.amends && self.is_placed(order).await? {
            return Ok(());
        }
        let (partner, order_id) = (&order.partner, &order.order_id);
        if priced.how == Prices::Refuse {
            self.found.add(Found::Refused);
            return Err(Stopped::Refused(problems));
        }
        self.found.add(Found::Warned);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let said = said.join("; ");
        tracing::warn!(%partner, %order_id, "prices are not the catalogue's: {said}");
        Ok(())
    }

    /// One that was placed before keeps its prices, also when the catalogue has others since.
    async fn is_placed(&self, order: &Checked) -> Result<bool, Stopped> {
        let last = stored::last(&self.nats, streams::ORDERS, &order.message.subject).await;
        last.map(|last| last.is_some()).map_err(|error| Stopped::Waits(error.to_string()))
    }
}

fn problems(priced: &Priced, products: &Cache<Item>) -> Result<Vec<Problem>, Stopped> {
    let mut problems = Vec::new();
    for (number, product, price) in &priced.lines {
        let key = Item::key(product).map_err(|error| Stopped::Waits(error.to_string()))?;
        let known = products.get(&key).and_then(|cached| cached.value);
        if known.is_none() && products.unreadable().contains_key(key.as_str()) {
            let reason = format!("product {product} of the catalogue cannot be read; see the log");
            return Err(Stopped::Waits(reason));
        }
        let field = |name: &str| format!("lines[{number}].{name}");
        problems.extend(match known {
            None => Some(Problem {
                field: field("product_id"),
                reason: format!("is {product}, which is not in the catalogue"),
            }),
            Some(known) => {
                let Item(known) = &known.value;
                let other = known.price_problem(*price, &priced.currency, priced.tolerance_percent);
                other.map(|reason| Problem { field: field("unit_price"), reason })
            }
        });
    }
    Ok(problems)
}
