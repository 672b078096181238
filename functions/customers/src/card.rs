//! The card of a customer: what is known of the person now.

use chassis::{Resource, Role, Wrong};
use domain::person::{self, Address, Person};
use domain::{CustomerId, PartnerId};
use messaging::persons::Said;
use messaging::{events, streams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use state::record::{Record, Unique};
use std::collections::BTreeSet;

/// Ways on which a customer wants to hear nothing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    Email,
    Sms,
}

/// A customer of a partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    pub(crate) partner: PartnerId,
    /// As events name them: the partner's number, or a pseudonym where that is an address.
    pub(crate) id: CustomerId,
    /// The partner's own number, where `id` is a pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<String>,
    /// At most 300 characters of any script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// No two customers of a partner have the same, but for `email_shared`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// Others may have this e-mail address as well. Set where an order brought one that another customer has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) email_shared: bool,
    /// E.164: `+33612345678`. Blanks, points, hyphens and brackets are taken out.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "person::phone_as_written"
    )]
    pub(crate) phone: Option<String>,
    /// At most 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) company: Option<String>,
    /// With the letters of its country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vat_number: Option<String>,
    /// `fr` or `fr-CA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<String>,
    /// Where invoices go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) billing: Option<Address>,
    /// Where goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Address>,
    /// Country or sales region, as in orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    /// Is it a customer with priority?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) vip: bool,
    /// On which ways they want to hear nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) opt_outs: BTreeSet<Channel>,
}

impl Card {
    /// One of whom nothing is known.
    pub(crate) fn new(partner: PartnerId, id: CustomerId) -> Self {
        Self {
            partner,
            id,
            number: None,
            name: None,
            email: None,
            email_shared: false,
            phone: None,
            company: None,
            vat_number: None,
            language: None,
            billing: None,
            delivery: None,
            region: None,
            vip: false,
            opt_outs: BTreeSet::new(),
        }
    }

    fn person(&self) -> Person {
        Person {
            name: self.name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            company: self.company.clone(),
            vat_number: self.vat_number.clone(),
            billing: self.billing.clone(),
            delivery: self.delivery.clone(),
            language: self.language.clone(),
        }
    }

    /// The card after an order that said this. What the order does not say stays.
    pub(crate) fn moved(self, said: &Said) -> Self {
        let mut person = self.person();
        person.take(&said.person);
        let is_same = email_of(person.email.as_deref()) == email_of(self.email.as_deref());
        let Person { name, email, phone, company, vat_number, billing, delivery, language } =
            person;
        Self {
            number: said.number.clone().or(self.number),
            name,
            email,
            email_shared: self.email_shared && is_same,
            phone,
            company,
            vat_number,
            language,
            billing,
            delivery,
            region: said.region.clone().or(self.region),
            vip: said.vip || self.vip,
            ..self
        }
    }
}

/// How e-mail addresses are compared: capitals do not matter.
pub(crate) fn email_of(email: Option<&str>) -> Option<String> {
    email.map(|email| email.trim().to_lowercase())
}

impl Record for Card {
    const BUCKET: &'static str = streams::CUSTOMER_CARDS;
    const EVENT: &'static str = events::CUSTOMER_CHANGED;
    const SUBJECT: &'static str = "customers.changed";
    const STREAM: &'static str = streams::CUSTOMERS;
    const SOURCE: &'static str = "/functions/customers";

    /// As a digest: second keys stand in subjects, and those in messages about errors.
    fn unique(&self) -> Vec<Unique> {
        let email = email_of(self.email.as_deref()).filter(|_| !self.email_shared);
        let digest = email.map(|email| hex::encode(Sha256::digest(email)));
        let key = |digest| Unique::new("email", [self.partner.as_str(), digest]).ok();
        digest.as_deref().and_then(key).into_iter().collect()
    }
}

impl Resource for Card {
    const PATH: &'static str = "/customers/{partner}/{id}";
    const NAME: &'static str = "customer";
    const READ: Role = Role::CustomersRead;
    const WRITE: Role = Role::Customers;

    fn check(&self, wrong: &mut Wrong) {
        for problem in self.person().problems() {
            wrong.field(problem.field, problem.reason);
        }
        let is_address = person::is_personal(self.id.as_str());
        let reason = "looks like an e-mail address or a telephone number; an id stands in events, so use another \
            one, or leave it out and get one";
        wrong.unless(!is_address, "id", reason);
        if let Some(number) = &self.number {
            wrong.text("number", number, domain::ids::ID_BYTES_MAX);
        }
        if let Some(region) = &self.region {
            wrong.text("region", region, domain::order::TEXT_BYTES_MAX);
        }
        let has_email = self.email.is_some() || !self.email_shared;
        wrong.unless(has_email, "email_shared", "is true, and there is no e-mail address");
    }
}
