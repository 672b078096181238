//! A value that must not be shown.

use std::fmt;

use subtle::ConstantTimeEq;

/// The content of a secret file. It never appears in logs: `Debug` prints a placeholder.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Holds `text`, without white space around it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The content: only for the call that needs it, never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in constant time, so that the time does not reveal how much of `given` is right.
    pub fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_show_a_secret() {
        assert_eq!(format!("{:?}", Secret::new("  hunter2\n")), "Secret(..)");
    }

    #[test]
    fn a_secret_matches_only_itself() {
        let secret = Secret::new("hunter2\n");
        assert!(secret.matches(b"hunter2"));
        for wrong in ["", "hunter", "hunter22", "Hunter2", "hunter2\n"] {
            assert!(!secret.matches(wrong.as_bytes()), "{wrong:?}");
        }
    }
}
