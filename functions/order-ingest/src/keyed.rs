//! What is personal in an order, and the pseudonyms and digests that stand for it. No IO.

use domain::order::{Customer, Draft};
use domain::person::{self, Person};
use domain::{CustomerId, Order, PartnerId};
use messaging::persons::{self, Said};
use messaging::publish::Outgoing;
use state::effect::Pseudonyms;

/// Makes digests and pseudonyms with the key of the installation.
#[derive(Clone, Debug)]
pub(crate) struct Keyed {
    names: Pseudonyms,
    /// Tells digests of this key from those of another one.
    key: String,
}

/// What an order says of a person, on its way to where it is kept.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) digest: String,
    pub(crate) message: Outgoing,
}

/// A person, and the customer's number if it is personal itself.
pub(crate) type Named = (Option<String>, Person);

impl Keyed {
    pub(crate) fn new(secret: &str) -> Self {
        let names = Pseudonyms::new(secret.as_bytes());
        let key = names.of("key").chars().take(8).collect();
        Self { names, key }
    }

    /// Takes what is personal out of an order: the person, and a number of the customer that is an address. The
    /// order has a pseudonym instead.
    pub(crate) fn take(&self, partner: &PartnerId, draft: &mut Draft) -> Option<Named> {
        let person = draft.person.take();
        let customer = draft.customer.as_mut();
        let number = customer.and_then(|customer| self.rename(partner, customer));
        (person.is_some() || number.is_some()).then(|| (number, person.unwrap_or_default()))
    }

    fn rename(&self, partner: &PartnerId, customer: &mut Customer) -> Option<String> {
        let number = customer.id.as_str().to_owned();
        if !person::is_personal(&number) {
            return None;
        }
        let usual = match number.contains('@') {
            true => number.to_lowercase(),
            false => person::without_separators(&number),
        };
        let name = format!("p-{}", self.names.of(&format!("customer\n{partner}\n{usual}")));
        customer.id = CustomerId::parse(&name).expect("letters and digits are an id");
        Some(number)
    }

    /// What is kept of an order that says `named`.
    pub(crate) fn taken(&self, order: &Order, (number, person): Named) -> Taken {
        let of = serde_json::to_string(&(&number, &person)).expect("a person has only string keys");
        let digest = format!("{}-{}", self.key, self.names.of(&format!("person\n{of}")));
        let said = Said {
            partner: order.partner.clone(),
            order_id: order.order_id.clone(),
            customer: order.customer.as_ref().map(|customer| customer.id.clone()),
            number,
            vip: order.customer.as_ref().is_some_and(|customer| customer.vip),
            region: order.region.clone(),
            ordered_at: order.ordered_at,
            person,
        };
        let message = persons::message(&said, &digest);
        Taken { digest, message }
    }

    /// Did this key make the digest?
    pub(crate) fn made(&self, digest: &str) -> bool {
        digest.split_once('-').is_some_and(|(key, _)| key == self.key)
    }
}
