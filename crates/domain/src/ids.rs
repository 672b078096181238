//! Identifiers, each made only by `parse`.

use serde::{Deserialize, Serialize};
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

fn free_text(text: &str) -> Result<&str, IdError> {
    within(text, ID_BYTES_MAX)
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
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Trims `text` and checks it.
            ///
            /// # Errors
            /// What is wrong with it, with the limit.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                Ok(Self($check(text)?.into()))
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
                Self::parse(&text)
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
    PartnerId, plain_name
);
id!(
    /// A place that holds stock; one journal each. At most 32 of `A-Z a-z 0-9 _ -`.
    WarehouseId, plain_name
);
id!(
    /// A partner's own number for an order: any text of at most 128 bytes, unique per partner.
    OrderId, free_text
);
id!(
    /// A product (SKU): any text of at most 128 bytes. `85099B` and `85099b` are two products.
    ProductId, free_text
);
id!(
    /// Who buys: any text of at most 128 bytes.
    CustomerId, free_text
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
