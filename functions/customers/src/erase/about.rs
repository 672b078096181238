//! Whom a message is about, as its headers and its payload say. No IO.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::person::{is_personal, without_separators};
use domain::{CustomerId, PartnerId};
use messaging::envelope::binary;
use messaging::header;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;

/// How many objects, lists and encoded payloads within each other are looked through.
const DEPTH: usize = 16;
/// On a dead letter: some headers of the message did not fit in.
const LEFT_OUT: &str = "Orderflow-Dead-Headers-Left-Out";
const CONFLICT: &str = "errors.conflict.";

/// The customer that messages are compared with.
pub(super) struct Known<'a> {
    pub(super) partner: &'a PartnerId,
    names: BTreeSet<String>,
}

/// A message as it is stored.
pub(super) struct Came<'a> {
    pub(super) subject: &'a str,
    pub(super) headers: &'a [(String, String)],
    pub(super) payload: &'a [u8],
}

/// What a message has to do with the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Customer,
    /// Nothing.
    Another,
    /// It names the customer's id, and not clearly whose.
    Unclear,
    /// It, or a part of it, is not JSON, and the partner may be the customer's.
    Unread,
}

/// An id in the form in which pseudonyms are made of it: spellings of one address are equal.
fn usual(id: &str) -> Option<String> {
    let id = CustomerId::parse(id).ok()?;
    let id = id.as_str();
    Some(match (is_personal(id), id.contains('@')) {
        (false, _) => id.to_owned(),
        (true, true) => id.to_lowercase(),
        (true, false) => without_separators(id),
    })
}

impl<'a> Known<'a> {
    /// `names`: the id in events, and the partner's own numbers.
    pub(super) fn new<'n>(
        partner: &'a PartnerId,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        Self { partner, names: names.into_iter().filter_map(usual).collect() }
    }

    /// Is one of the names an e-mail address or a telephone number?
    pub(super) fn is_personal(&self) -> bool {
        self.names.iter().any(|name| is_personal(name))
    }

    pub(super) fn look(&self, came: &Came<'_>) -> About {
        let said = Said::of(came);
        let is_named = !said.customers.is_disjoint(&self.names);
        match (self.is_ours(&said), is_named) {
            (Some(false), _) => About::Another,
            (Some(true), true) => About::Customer,
            (None, true) => About::Unclear,
            (_, false) if said.unread => About::Unread,
            (_, false) => About::Another,
        }
    }

    /// Is it a message of the customer's partner? Nothing if that is not clear.
    fn is_ours(&self, said: &Said) -> Option<bool> {
        let ours = Some(self.partner.clone());
        match said.partners.len() {
            0 if said.unread => None,
            0 => Some(*self.partner == PartnerId::direct()),
            1 if !said.partners.contains(&None) => Some(said.partners.contains(&ours)),
            _ if said.partners.contains(&None) || said.partners.contains(&ours) => None,
            _ => Some(false),
        }
    }
}

/// All that a message says of partners and customers, wherever it does.
#[derive(Default)]
struct Said {
    /// Nothing stands for what is no name of a partner.
    partners: BTreeSet<Option<PartnerId>>,
    customers: BTreeSet<String>,
    /// Is a part of it not JSON?
    unread: bool,
}

impl Said {
    fn of(came: &Came<'_>) -> Self {
        let mut said = Self::default();
        let partner = came.subject.strip_prefix(CONFLICT).and_then(|rest| rest.split('.').next());
        partner.into_iter().for_each(|partner| said.partner(partner));
        for (name, value) in came.headers {
            let is = |other| name.eq_ignore_ascii_case(other);
            if is(header::SENDER) {
                said.partner(value);
            } else if is(header::UNREADABLE) || is(LEFT_OUT) {
                said.partners.insert(None);
            }
        }
        // Without the content type: attributes count whatever it says.
        let attributes = came.headers.iter().filter(|(name, _)| binary::is_attribute(name));
        let attributes = attributes.map(|(name, value)| (name.as_str(), value.as_str()));
        match binary::structured(attributes, came.payload) {
            Some(json) => said.bytes(&json, DEPTH),
            None => said.bytes(came.payload, DEPTH),
        }
        said
    }

    fn partner(&mut self, name: &str) {
        self.partners.insert(PartnerId::parse(name).ok());
    }

    fn bytes(&mut self, bytes: &[u8], depth: usize) {
        match serde_json::from_slice::<&RawValue>(bytes) {
            Ok(value) => self.value(value, depth),
            Err(_) => self.unread |= !bytes.trim_ascii().is_empty(),
        }
    }

    fn value(&mut self, value: &RawValue, depth: usize) {
        let json = value.get();
        match (json.as_bytes().first(), depth.checked_sub(1)) {
            (Some(b'{' | b'['), None) => self.unread = true,
            (Some(b'{'), Some(depth)) => {
                for (name, value) in members(json) {
                    self.member(&name.to_ascii_lowercase(), value, depth);
                }
            }
            (Some(b'['), Some(depth)) => {
                let values: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
                values.into_iter().for_each(|value| self.value(value, depth));
            }
            _ => {}
        }
    }

    fn member(&mut self, name: &str, value: &RawValue, depth: usize) {
        match (name, text(value)) {
            _ if value.get() == "null" => {}
            ("partner", Some(name)) => self.partner(&name),
            ("partner", None) => drop(self.partners.insert(None)),
            ("customer", Some(id)) => self.customers.extend(usual(&id)),
            ("customer", None) => {
                let ids = members(value.get()).into_iter();
                let ids = ids.filter(|(name, _)| name.eq_ignore_ascii_case("id"));
                self.customers.extend(ids.filter_map(|(_, id)| usual(&text(id)?)));
            }
            ("data", Some(text)) => self.bytes(text.as_bytes(), depth),
            ("data_base64", Some(text)) => match STANDARD.decode(text) {
                Ok(bytes) => self.bytes(&bytes, depth),
                Err(_) => self.unread = true,
            },
            _ => {}
        }
        self.value(value, depth);
    }
}

/// Text, or a number as it is written.
fn text(value: &RawValue) -> Option<String> {
    let json = value.get();
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'0'..=b'9' | b'-' => Some(json.to_owned()),
        _ => None,
    }
}

/// The members of an object; one that is given twice is there twice.
fn members(json: &str) -> Vec<(String, &RawValue)> {
    serde_json::from_str::<Members<'_>>(json).map(|members| members.0).unwrap_or_default()
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Reader).map(Members)
    }
}

#[cfg(test)]
mod tests;
