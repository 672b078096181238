//! Records: every order of two writers' steps, crashes between any two, and a real nats-server.
#![cfg(test)]

mod cluster;
mod explore;
mod model;
mod nats;
mod one_by_one;
mod reading;
mod world;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use state::record::{Author, Key, Record, Records, Unique};
use state::wire::Wire;

/// A record with two second keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Person {
    name: String,
    email: Option<String>,
    phone: Option<String>,
}

impl Record for Person {
    // Any bucket and stream that `setup` makes.
    const BUCKET: &'static str = "FILES_LEDGER";
    const EVENT: &'static str = "orderflow.person.changed.v1";
    const SUBJECT: &'static str = "analytics.people";
    const STREAM: &'static str = "ANALYTICS";
    const SOURCE: &'static str = "/functions/test";

    fn unique(&self) -> Vec<Unique> {
        let of = |name, value: &Option<String>| {
            value.as_ref().map(|value| Unique::new(name, [value]).unwrap())
        };
        [of("email", &self.email), of("phone", &self.phone)].into_iter().flatten().collect()
    }
}

/// With an e-mail address and a telephone, unless they are `-`.
fn person(name: &str, email: &str, phone: &str) -> Person {
    let some = |text: &str| (text != "-").then(|| text.to_owned());
    Person { name: name.into(), email: some(email), phone: some(phone) }
}

fn key(name: &str) -> Key {
    Key::new([name]).unwrap()
}

fn author(by: &str) -> Author {
    Author { by: by.into(), at: DateTime::UNIX_EPOCH, key: None }
}

fn people<W: Wire>(wire: &W) -> Records<Person, W> {
    Records::new(wire.clone())
}
