//! Identifiers. `parse` makes one of what somebody sent; `stored` and serde keep what was stored.

mod visible;

pub use visible::visible;

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Most bytes an identifier may have; NATS subjects and KV keys carry them encoded.
pub const ID_BYTES_MAX: usize = 128;
/// Most bytes of a partner's or warehouse's name.
pub const NAME_BYTES_MAX: usize = 32;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Longer than the limit.
    #[error("has {len} bytes, the limit is {max}")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A control character, which no identifier needs and every log and file suffers from.
    #[error("contains the control character {0:?}")]
    Control(char),
    /// Partner and warehouse names stand in folders and subjects as they are.
    #[error("contains {0:?}; allowed are A-Z a-z 0-9 _ -")]
    Character(char),
}

/// How a kind of identifier is checked.
struct Rule {
    /// What somebody sent.
    given: for<'a> fn(&'a str) -> Result<Cow<'a, str>, IdError>,
    /// What was stored: never changed, so that it is found again.
    stored: fn(&str) -> Result<&str, IdError>,
}

/// Any text; ids that look equal are equal.
const FREE_TEXT: Rule = Rule { given: free_text, stored: |text| within(text, ID_BYTES_MAX) };
/// A name that stands in folders and subjects as it is.
const PLAIN_NAME: Rule =
    Rule { given: |text| Ok(Cow::Borrowed(plain_name(text)?)), stored: plain_name };

fn free_text(text: &str) -> Result<Cow<'_, str>, IdError> {
    Ok(match visible(text) {
        Cow::Borrowed(text) => Cow::Borrowed(within(text, ID_BYTES_MAX)?),
        Cow::Owned(text) => Cow::Owned(within(&text, ID_BYTES_MAX)?.to_owned()),
    })
}

fn within(text: &str, max: usize) -> Result<&str, IdError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > max {
        return Err(IdError::TooLong { len: text.len(), max });
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(IdError::Control(c)),
        None => Ok(text),
    }
}

fn plain_name(text: &str) -> Result<&str, IdError> {
    let text = within(text, NAME_BYTES_MAX)?;
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(text),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $rule:ident, $max:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads what somebody sent: trims it, brings it into the form in which ids that
            /// look equal are equal (see [`visible`]), and checks it.
            ///
            /// # Errors
            /// What is wrong with it, with the limit.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                Ok(Self(($rule.given)(text)?.into()))
            }

            /// Reads what was stored, without changing it: an id of an earlier release stays
            /// what it was.
            ///
            /// # Errors
            /// What is wrong with it, with the limit.
            pub fn stored(text: &str) -> Result<Self, IdError> {
                Ok(Self(($rule.stored)(text)?.into()))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::stored(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "minLength": 1, "maxLength": $max})
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// A retailer that sends orders; also the name of its SFTP folder. At most 32 of `A-Z a-z 0-9 _ -`.
    PartnerId, PLAIN_NAME, NAME_BYTES_MAX
);
id!(
    /// A place that holds stock; one journal each. At most 32 of `A-Z a-z 0-9 _ -`.
    WarehouseId, PLAIN_NAME, NAME_BYTES_MAX
);
id!(
    /// A partner's own number for an order: any text of at most 128 bytes, unique per partner.
    OrderId, FREE_TEXT, ID_BYTES_MAX
);
id!(
    /// A product (SKU): any text of at most 128 bytes. `85099B` and `85099b` are two products.
    ProductId, FREE_TEXT, ID_BYTES_MAX
);
id!(
    /// Who buys: any text of at most 128 bytes.
    CustomerId, FREE_TEXT, ID_BYTES_MAX
);

impl PartnerId {
    /// The built-in partner of orders that name none.
    #[must_use]
    pub fn direct() -> Self {
        Self("DIRECT".into())
    }
}

impl WarehouseId {
    /// The warehouse of partners that name none.
    #[must_use]
    pub fn main() -> Self {
        Self("main".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_may_be_any_text() {
        for text in ["536365", "A.1", "two words", "*", ">", "🛒", "a/b=c"] {
            assert_eq!(OrderId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn blanks_around_an_id_do_not_count() {
        assert_eq!(OrderId::parse("  A1 ").unwrap().as_str(), "A1");
    }

    #[test]
    fn ids_that_look_equal_are_equal() {
        for (given, same) in [
            ("Caf\u{65}\u{301}", "Caf\u{e9}"),
            ("\u{feff}A1", "A1"),
            ("A\u{200b}1\u{200d}\u{ad}", "A1"),
            ("\u{202e}A1\u{202c}", "A1"),
            ("A\u{a0}1", "A 1"),
            (" \u{feff} A1\u{2003}", "A1"),
            // An accent that meets its letter only when what stands between them is gone.
            ("e\u{200b}\u{301}", "\u{e9}"),
        ] {
            assert_eq!(OrderId::parse(given), OrderId::parse(same), "{given:?}");
            assert_eq!(ProductId::parse(given).unwrap().as_str(), same, "{given:?}");
        }
        assert_eq!(OrderId::parse("\u{200b}\u{feff}").unwrap_err(), IdError::Empty);
        let long = "\u{200b}".repeat(200) + "A1";
        assert_eq!(
            OrderId::parse(&long).unwrap().as_str(),
            "A1",
            "what is not there has no length"
        );
        let wrong = IdError::Character('\u{200b}');
        assert_eq!(PartnerId::parse("US1\u{200b}").unwrap_err(), wrong, "names are only refused");
    }

    #[test]
    fn what_was_stored_stays_as_it_was() {
        for text in ["Cafe\u{301}", "A\u{200b}1", "A\u{a0}1"] {
            assert_eq!(OrderId::stored(text).unwrap().as_str(), text);
            let json = serde_json::to_string(text).unwrap();
            let read: OrderId = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
        assert_eq!(OrderId::stored("a\u{0}b").unwrap_err(), IdError::Control('\0'));
    }

    #[test]
    fn a_bad_id_says_why_and_the_limit() {
        assert_eq!(OrderId::parse("  ").unwrap_err().to_string(), "is empty");
        assert_eq!(
            OrderId::parse(&"x".repeat(129)).unwrap_err().to_string(),
            "has 129 bytes, the limit is 128"
        );
        assert_eq!(
            PartnerId::parse(&"x".repeat(500)).unwrap_err().to_string(),
            "has 500 bytes, the limit is 32"
        );
        assert_eq!(OrderId::parse("a\u{0}b").unwrap_err(), IdError::Control('\0'));
        assert_eq!(PartnerId::parse("US.1").unwrap_err(), IdError::Character('.'));
    }

    #[test]
    fn a_json_id_is_checked_as_well() {
        assert!(serde_json::from_str::<PartnerId>("\"US 1\"").is_err());
        assert_eq!(serde_json::from_str::<PartnerId>("\"US1\"").unwrap().as_str(), "US1");
    }
}
