//! What a fact says of an order.

use crate::amount::Code;
use chrono::{DateTime, Utc};
use domain::charge::Charge;
use domain::order::Line;
use domain::person::is_personal;
use domain::{Kind, Money};
use messaging::{events, header};
use serde::Deserialize;
use state::fold::{Event, Unread};

/// What a decision about an attempt of an order changes.
#[derive(Debug)]
pub enum What {
    /// An attempt is confirmed.
    Confirmed(Counted),
    /// A confirmed attempt is cancelled.
    Cancelled(Counted),
    /// An attempt is refused, for the reason with this code.
    Refused(String),
}

/// The part of an order that is counted and kept. Customers have a number, or a pseudonym.
#[derive(Debug, Deserialize)]
pub struct Counted {
    /// Which attempt it is.
    pub attempt: Option<u32>,
    /// Sale or return.
    pub kind: Kind,
    /// When it was ordered.
    pub ordered_at: DateTime<Utc>,
    /// ISO 4217, in three letters.
    pub currency: String,
    customer: Option<Buyer>,
    /// Country or sales region.
    pub region: Option<String>,
    /// What is ordered.
    pub lines: Vec<Line>,
    /// What is added to the lines, or taken off.
    #[serde(default)]
    pub charges: Vec<Charge>,
    /// What lines and charges come to.
    pub total: Money,
    amends: Option<Amends>,
}

/// The attempt whose place an order takes.
#[derive(Debug, Deserialize)]
struct Amends {
    order: Option<Box<Counted>>,
}

#[derive(Debug, Deserialize)]
struct Buyer {
    id: Option<String>,
    #[serde(default)]
    vip: bool,
}

impl Counted {
    /// The partner's number of the customer; guests have none. Nothing if it is an address, as 0.1.0 kept them: what is
    /// archived has no end.
    #[must_use]
    pub fn customer(&self) -> Option<&str> {
        self.customer.as_ref()?.id.as_deref().filter(|id| !is_personal(id))
    }

    /// Is the customer one with priority?
    #[must_use]
    pub fn is_vip(&self) -> bool {
        self.customer.as_ref().is_some_and(|customer| customer.vip)
    }

    /// What was ordered before, of an order that was amended.
    #[must_use]
    pub fn before(&self) -> Option<&Self> {
        self.amends.as_ref()?.order.as_deref()
    }

    /// What charges add to the lines.
    #[must_use]
    pub fn charges_units(&self) -> i128 {
        self.charges.iter().map(|charge| i128::from(charge.amount.units())).sum()
    }

    /// Its currency.
    ///
    /// # Errors
    /// It is no code.
    pub fn code(&self) -> Result<Code, String> {
        Code::parse(&self.currency)
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    data: Decided,
}

#[derive(Deserialize)]
struct Decided {
    order: Option<Counted>,
}

/// Whose order a message decides, by its subject; nothing if it decides none. An order that stays what it was (`kept`)
/// has a reason, or names what is in force.
#[must_use]
pub fn partner<'e>(event: &Event<'e>) -> Option<&'e str> {
    let mut tokens = event.subject.split('.').skip(1);
    let stage = tokens.next()?;
    let partner = tokens.nth(1)?;
    let reason = event.header(header::REASON);
    let decides = match stage {
        "confirmed" => reason.is_none() && event.header(header::IN_FORCE).is_none(),
        "refused" => reason.is_some(),
        _ => false,
    };
    (decides && header::is_fact(event.headers)).then_some(partner)
}

/// Reads a message that decides an order.
///
/// # Errors
/// It is no event, or has no order.
pub fn read(event: &Event<'_>) -> Result<Option<What>, Unread> {
    let reason = event.header(header::REASON);
    if let Some(reason) = reason.filter(|reason| *reason != "cancelled") {
        return Ok(Some(What::Refused(reason.to_owned())));
    }
    let read: Envelope =
        serde_json::from_slice(event.payload()?).map_err(|error| error.to_string())?;
    let expected = reason.map_or(events::ORDER_CONFIRMED, |_| events::ORDER_REFUSED);
    if read.kind != expected {
        return Ok(None);
    }
    let order = read.data.order.ok_or("the fact has no order")?;
    // All that can be wrong is found before anything is counted.
    order.code()?;
    if order.amends.is_some() {
        order.before().ok_or("the fact does not say what was amended")?.code()?;
    }
    Ok(Some(if reason.is_some() { What::Cancelled(order) } else { What::Confirmed(order) }))
}
