//! Recognises encrypted files, and describes why one cannot be read.

use pgp::composed::Esk;
use std::fmt;

/// Most characters of the library's error message.
const REASON_CHARS_MAX: usize = 200;

/// Why an encrypted file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    #[error("the file is not encrypted, as file.decrypt wants it")]
    Plain,
    #[error("the file is encrypted, and the partner has no file.decrypt: {0}")]
    NoKey(Recipients),
    #[error("the file is not encrypted for our key ({ours}): {recipients}")]
    OtherKey { recipients: Recipients, ours: String },
    #[error("the file is encrypted with a password, not to a key")]
    Password,
    #[error("the encrypted file is not protected against changes (it has neither MDC nor AEAD)")]
    Unprotected,
    #[error("the encrypted file contains another encrypted file")]
    Twice,
    #[error("the encrypted file is damaged, or no OpenPGP message: {0}")]
    Damaged(String),
    #[error("the encrypted file is not signed")]
    Unsigned,
    #[error("the encrypted file is signed by another key than file.decrypt names: {0}")]
    OtherSigner(String),
    #[error("the signature of the encrypted file is wrong: {0}")]
    Forged(String),
}

impl Closed {
    pub(crate) fn damaged(error: &dyn fmt::Display) -> Self {
        Self::Damaged(error.to_string().chars().take(REASON_CHARS_MAX).collect())
    }
}

impl From<pgp::errors::Error> for Closed {
    fn from(error: pgp::errors::Error) -> Self {
        Self::damaged(&error)
    }
}

/// The keys to which a message is encrypted.
#[derive(Debug)]
pub(crate) struct Recipients(Vec<String>);

impl Recipients {
    pub(crate) fn of(esk: &[Esk]) -> Self {
        let ids = esk.iter().filter_map(|esk| match esk {
            Esk::PublicKeyEncryptedSessionKey(key) => Some(match (key.id(), key.fingerprint()) {
                (Ok(id), _) if !id.is_wildcard() => hex::encode_upper(id.as_ref()),
                (_, Ok(Some(fingerprint))) => format!("{fingerprint:X}"),
                _ => "a key that it does not name".to_owned(),
            }),
            Esk::SymKeyEncryptedSessionKey(_) => None,
        });
        Self(ids.collect())
    }

    /// Is one of these keys a recipient?
    pub(crate) fn any_of(&self, keys: &[String]) -> bool {
        self.0.iter().any(|id| keys.contains(id))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        let shown: Vec<_> = self.0.iter().take(SHOWN).map(String::as_str).collect();
        write!(f, "it is encrypted to {}", shown.join(", "))?;
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Do these first bytes begin an encrypted message, or any other armoured one?
pub(crate) fn is_message(first: &[u8]) -> bool {
    const ARMOUR: &[u8] = b"-----BEGIN PGP ";
    if first.trim_ascii_start().starts_with(ARMOUR) {
        return true;
    }
    let [head, rest @ ..] = first else { return false };
    // RFC 9580, 4.2: the type of the first packet, and the size of its length field.
    let (kind, length) = match (head, rest.first()) {
        (0xc0.., Some(0xc0..0xe0)) => (head & 0x3f, 2),
        (0xc0.., Some(0xff)) => (head & 0x3f, 5),
        (0xc0.., _) => (head & 0x3f, 1),
        (0x80.., _) => {
            (head >> 2 & 0x0f, [1, 2, 4, 0].get(usize::from(head & 3)).copied().unwrap_or(0))
        }
        _ => return false,
    };
    // A text cannot contain these version numbers as its second to sixth byte.
    match (kind, rest.get(length..)) {
        (1, Some([3 | 6, ..])) | (3, Some([4..=6, ..])) | (18 | 20, Some([1 | 2, ..])) => true,
        (10, Some(marker)) => marker.starts_with(b"PGP"),
        _ => false,
    }
}
