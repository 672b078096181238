//! A server's public key, as configuration and as it is presented.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// A public key of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    kind: String,
    raw: Vec<u8>,
}

/// Why a text is no host key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyError {
    /// Not two words.
    #[error("is not of the form \"ssh-ed25519 AAAA…\"")]
    Form,
    /// The second word is no base64.
    #[error("is not base64 after {0:?}")]
    Base64(String),
    /// The key inside is of another type than the first word says.
    #[error("says {said:?}, but the key inside is not of that type")]
    Type {
        /// The first word.
        said: String,
    },
}

impl HostKey {
    /// Reads `ssh-ed25519 AAAA…`, with or without a comment.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, HostKeyError> {
        let mut words = text.split_whitespace();
        let (Some(kind), Some(encoded)) = (words.next(), words.next()) else {
            return Err(HostKeyError::Form);
        };
        let raw = STANDARD.decode(encoded).map_err(|_| HostKeyError::Base64(kind.to_owned()))?;
        // The key begins with its type: four bytes of length, then the name.
        let length = raw.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
        let inside = length
            .and_then(|length| usize::try_from(length).ok())
            .and_then(|length| raw.get(4..length.checked_add(4)?));
        if inside != Some(kind.as_bytes()) {
            return Err(HostKeyError::Type { said: kind.to_owned() });
        }
        Ok(Self { kind: kind.to_owned(), raw })
    }

    /// Is this the key that the server presented?
    #[must_use]
    pub fn is(&self, presented: &[u8]) -> bool {
        self.raw == presented
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.raw)
    }

    /// Signature algorithms for this type of key, in the order of preference.
    #[must_use]
    pub fn algorithms(&self) -> &str {
        match self.kind.as_str() {
            "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256",
            kind => kind,
        }
    }
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
#[must_use]
pub fn fingerprint(raw: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(raw)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github";

    #[test]
    fn a_key_has_the_fingerprint_that_ssh_keygen_prints() {
        let key = HostKey::parse(KEY).unwrap();
        assert_eq!(key.fingerprint(), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    }

    #[test]
    fn what_is_no_key_says_why() {
        let check = |text: &str, expected: &str| {
            assert_eq!(HostKey::parse(text).unwrap_err().to_string(), expected, "{text}");
        };
        check("", "is not of the form \"ssh-ed25519 AAAA…\"");
        check("SHA256:abc", "is not of the form \"ssh-ed25519 AAAA…\"");
        check("ssh-ed25519 ***", "is not base64 after \"ssh-ed25519\"");
        check("ssh-ed25519 AAAA", "says \"ssh-ed25519\", but the key inside is not of that type");
        let renamed = KEY.replacen("ssh-ed25519", "ssh-rsa", 1);
        check(&renamed, "says \"ssh-rsa\", but the key inside is not of that type");
        check("x /////w==", "says \"x\", but the key inside is not of that type");
    }
}
