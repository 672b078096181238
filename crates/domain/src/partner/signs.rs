//! The signs that make fields of a line.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// What may enclose a field: one ASCII character, or `none` where quotes mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// No sign: a quote is a letter like any other.
    None,
    /// This one.
    Is(char),
}

impl Quote {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn is_double(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Quote {
    fn default() -> Self {
        Self::Is('"')
    }
}

impl fmt::Display for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Is(sign) => write!(f, "{sign}"),
        }
    }
}

impl Serialize for Quote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut chars = text.chars();
        match (text.as_str(), chars.next(), chars.next()) {
            ("none", ..) => Ok(Self::None),
            (_, Some(sign), None) => Ok(Self::Is(sign)),
            _ => Err(de::Error::custom(format!("{text:?} is neither one character nor none"))),
        }
    }
}

/// How a quote is written inside a field in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuoteEscape {
    /// Twice, as in RFC 4180.
    #[default]
    Doubled,
    /// Behind a backslash, as databases write it: `\"`, and `\\` is one backslash. Doubled quotes
    /// are read as well.
    Backslash,
}

impl QuoteEscape {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn is_doubled(&self) -> bool {
        *self == Self::Doubled
    }
}

/// What separates the columns: one ASCII character, or `auto`. `tab` is a name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// The one of `,` `;` tab `|`, or of the file's `sep=` line, with which the header has all
    /// columns.
    Auto,
    /// This one.
    Is(char),
}

impl Default for Delimiter {
    fn default() -> Self {
        Self::Is(',')
    }
}

impl From<char> for Delimiter {
    fn from(delimiter: char) -> Self {
        Self::Is(delimiter)
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Is('\t') => f.write_str("tab"),
            Self::Is(delimiter) => write!(f, "{delimiter}"),
        }
    }
}

impl Serialize for Delimiter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut chars = text.chars();
        match (text.as_str(), chars.next(), chars.next()) {
            ("auto", ..) => Ok(Self::Auto),
            ("tab", ..) => Ok(Self::Is('\t')),
            (_, Some(delimiter), None) => Ok(Self::Is(delimiter)),
            _ => Err(de::Error::custom(format!("{text:?} is not one character, tab or auto"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_one_character_or_a_known_word() {
        let read = |text: &str| serde_json::from_value::<Delimiter>(text.into());
        for (text, expected) in [
            ("auto", Delimiter::Auto),
            ("tab", '\t'.into()),
            ("\t", '\t'.into()),
            (";", ';'.into()),
        ] {
            assert_eq!(read(text).unwrap(), expected);
        }
        for text in ["", "ab", "Auto", "comma"] {
            assert!(read(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_quote_is_one_character_or_none() {
        let read = |text: &str| serde_json::from_value::<Quote>(text.into());
        for (text, expected) in
            [("none", Quote::None), ("'", Quote::Is('\'')), ("\"", Quote::Is('"'))]
        {
            assert_eq!(read(text).unwrap(), expected);
            assert_eq!(expected.to_string(), text);
        }
        for text in ["", "\"\"", "off"] {
            assert!(read(text).is_err(), "{text:?} was taken");
        }
    }
}
