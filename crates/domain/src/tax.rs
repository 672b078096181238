//! Which tax a line or a charge has, by a name that the partner and the seller agree on.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Most bytes of the name of a tax category.
pub const TAX_CATEGORY_BYTES_MAX: usize = 64;

/// The name of a tax category: `standard`, `reduced`, `20 %`. `tax-rates` in the configuration give its rate
/// for each country.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaxCategory(Box<str>);

/// Why a text is no name of a tax category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaxCategoryError {
    /// Nothing, or blanks.
    #[error("is empty")]
    Empty,
    /// Longer than [`TAX_CATEGORY_BYTES_MAX`].
    #[error("has {0} bytes, the limit is {TAX_CATEGORY_BYTES_MAX}")]
    TooLong(usize),
    /// It cannot be shown.
    #[error("contains a control character")]
    Control,
}

impl TaxCategory {
    /// Reads a name; blanks around it go.
    ///
    /// # Errors
    /// It is empty, too long, or cannot be shown.
    pub fn parse(text: &str) -> Result<Self, TaxCategoryError> {
        let text = text.trim();
        match text.len() {
            0 => Err(TaxCategoryError::Empty),
            len if TAX_CATEGORY_BYTES_MAX < len => Err(TaxCategoryError::TooLong(len)),
            _ if text.contains(char::is_control) => Err(TaxCategoryError::Control),
            _ => Ok(Self(text.into())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TaxCategory {
    type Error = TaxCategoryError;

    fn try_from(text: String) -> Result<Self, TaxCategoryError> {
        Self::parse(&text)
    }
}

impl From<TaxCategory> for String {
    fn from(category: TaxCategory) -> Self {
        category.0.into()
    }
}

impl fmt::Display for TaxCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for TaxCategory {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TaxCategory".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "maxLength": TAX_CATEGORY_BYTES_MAX})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_a_short_text_that_can_be_shown() {
        assert_eq!(TaxCategory::parse(" 20 % ").unwrap().as_str(), "20 %");
        for (text, expected) in [
            ("", "is empty"),
            (" ", "is empty"),
            ("a\u{7}", "contains a control character"),
            (&"x".repeat(65), "has 65 bytes, the limit is 64"),
        ] {
            assert_eq!(TaxCategory::parse(text).unwrap_err().to_string(), expected);
        }
        assert!(serde_json::from_str::<TaxCategory>("\"\"").is_err());
    }
}
