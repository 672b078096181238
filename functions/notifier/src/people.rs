//! Who is told of an order.

use chrono::{DateTime, Utc};
use domain::invoice::Document;
use domain::{CustomerId, OrderId, PartnerId};
use messaging::persons::{self, Entry, ReadError};
use messaging::stored::{self, Standing};
use messaging::subject::{self, OrderSubject};
use messaging::{Event, Nats, header, streams};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use state::record::{Key, Record, Records};

/// What of a customer's card counts here. The function customers writes cards; this one only reads them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Card {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    opt_outs: Vec<String>,
}

impl Record for Card {
    const BUCKET: &'static str = streams::CUSTOMER_CARDS;
    const EVENT: &'static str = messaging::events::CUSTOMER_CHANGED;
    const SUBJECT: &'static str = "customers.changed";
    const STREAM: &'static str = streams::CUSTOMERS;
    const SOURCE: &'static str = "/functions/customers";
}

/// A way to reach somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NotificationChannel")]
pub(crate) enum Channel {
    /// E-mail.
    Mail,
    /// Text message to a telephone.
    Sms,
}

impl Channel {
    /// The name of its lane.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }

    /// As cards name it.
    const fn opt_out(self) -> &'static str {
        match self {
            Self::Mail => "email",
            Self::Sms => "sms",
        }
    }
}

/// Where what is known of a person is kept: it is looked at again before each attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whose {
    /// The partner of the order.
    pub(crate) partner: PartnerId,
    /// The customer; nothing for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<CustomerId>,
    /// Subject of what the order said of the person, in the bucket `PERSONS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) said: Option<String>,
}

/// A person as far as messages need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) whose: Whose,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) language: Option<String>,
    /// The order as it was placed: the data of its event.
    pub(crate) order: Json,
    opt_outs: Vec<String>,
}

impl Person {
    /// Where the person is told on a channel, if at all.
    pub(crate) fn address(&self, channel: Channel) -> Option<&str> {
        let address = match channel {
            Channel::Mail => &self.email,
            Channel::Sms => &self.phone,
        };
        let is_wanted = !self.opt_outs.iter().any(|name| name == channel.opt_out());
        address.as_deref().filter(|_| is_wanted)
    }
}

/// May somebody still be written to?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Still {
    Yes,
    /// The customer was erased.
    Erased,
    /// The card says so.
    OptedOut,
}

/// Reads persons and cards.
#[derive(Clone)]
pub(crate) struct People {
    nats: Nats,
    cards: Records<Card>,
}

fn text(error: &impl ToString) -> String {
    error.to_string()
}

/// The data of a placed order; nothing that templates could use if it cannot be read.
fn order_of(payload: &[u8]) -> Json {
    let mut event: Json = serde_json::from_slice(payload).unwrap_or_default();
    let mut data = event.get_mut("data").map(Json::take).unwrap_or_default();
    // An amendment has its order one level deeper.
    data.get_mut("order").map(Json::take).unwrap_or(data)
}

impl People {
    pub(crate) fn new(nats: Nats) -> Self {
        Self { cards: Records::new(nats.clone()), nats }
    }

    /// When the message with this sequence was stored, if it follows from a decision.
    pub(crate) async fn decided_at(
        &self,
        sequence: u64,
        subject: &str,
    ) -> Result<Option<DateTime<Utc>>, String> {
        let stream = match subject.starts_with("invoices.") {
            true => streams::INVOICES,
            false => streams::ORDERS,
        };
        let found = stored::at(&self.nats, stream, sequence).await;
        let found = found.map_err(|error| text(&error))?;
        let found = found.filter(|it| it.subject == subject && it.decision_sequence().is_some());
        Ok(found.and_then(|it| DateTime::from_timestamp_millis(it.time_ms)))
    }

    /// Who ordered, by the message that was decided. Nothing if nobody is known, or was erased.
    ///
    /// What the order said comes before what the card says; language and opt-outs are the card's.
    pub(crate) async fn of(
        &self,
        partner: &PartnerId,
        order: &OrderId,
        placed: u64,
    ) -> Result<Option<Person>, String> {
        let found = stored::at(&self.nats, streams::ORDERS, placed).await;
        let found = found.map_err(|error| text(&error))?;
        let is_its = |found: &Standing| {
            let of = OrderSubject::parse(&found.subject);
            of.is_some_and(|of| of.partner == *partner && of.order_id == *order)
        };
        let Some(placed) = found.filter(is_its) else { return Ok(None) };
        let customer = placed.header(header::CUSTOMER).and_then(subject::text);
        let customer = customer.and_then(|id| CustomerId::stored(&id).ok());
        let said = placed.header(header::PERSON);
        let said = said.map(|digest| persons::subject(partner, customer.as_ref(), order, digest));
        let mut person = domain::person::Person::default();
        if let Some(subject) = &said {
            match persons::read(&self.nats, subject).await {
                Ok(Entry::Said(_, said)) => person = said.person,
                Ok(Entry::Erased(_)) => return Ok(None),
                Ok(Entry::Nothing) => {}
                Err(ReadError::Unreadable(error)) => {
                    tracing::error!(%error, %partner, %order, "what an order says of a person is passed over");
                }
                Err(ReadError::Unclear(error)) => return Err(text(&error)),
            }
        }
        let card = self.card(partner, customer.as_ref()).await?.unwrap_or_default();
        Ok(Some(Person {
            whose: Whose { partner: partner.clone(), customer, said },
            name: person.name.or(card.name),
            email: person.email.or(card.email),
            phone: person.phone.or(card.phone),
            language: card.language.or(person.language),
            order: order_of(&placed.payload),
            opt_outs: card.opt_outs,
        }))
    }

    /// An issued document, by its stream sequence.
    pub(crate) async fn document(&self, sequence: u64) -> Result<Option<Document>, String> {
        let found = stored::at(&self.nats, streams::INVOICES, sequence).await;
        let Some(found) = found.map_err(|error| text(&error))? else { return Ok(None) };
        let event: Event<Document> = serde_json::from_slice(&found.payload)
            .map_err(|error| format!("message {sequence} of INVOICES cannot be read: {error}"))?;
        Ok(event.data)
    }

    async fn card(
        &self,
        partner: &PartnerId,
        customer: Option<&CustomerId>,
    ) -> Result<Option<Card>, String> {
        let Some(customer) = customer else { return Ok(None) };
        let Ok(key) = Key::new([partner.as_str(), customer.as_str()]) else { return Ok(None) };
        let card = self.cards.get(&key).await.map_err(|error| text(&error))?;
        Ok(card.map(|card| card.value))
    }

    /// Is nothing in the way of writing to somebody now?
    pub(crate) async fn still(&self, whose: &Whose, channel: Channel) -> Result<Still, String> {
        let card = self.card(&whose.partner, whose.customer.as_ref()).await?;
        if let Some(card) = &card
            && card.opt_outs.iter().any(|name| name == channel.opt_out())
        {
            return Ok(Still::OptedOut);
        }
        match &whose.said {
            Some(subject) => match persons::read(&self.nats, subject).await {
                Ok(Entry::Erased(_)) => Ok(Still::Erased),
                Ok(Entry::Said(..) | Entry::Nothing) | Err(ReadError::Unreadable(_)) => {
                    Ok(Still::Yes)
                }
                Err(ReadError::Unclear(error)) => Err(text(&error)),
            },
            // The address came from the card.
            None if card.is_none() => Ok(Still::Erased),
            None => Ok(Still::Yes),
        }
    }
}
