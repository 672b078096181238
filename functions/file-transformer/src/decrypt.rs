//! Files that are encrypted with OpenPGP, which are read from a temporary file. What is in them comes out
//! while it is decrypted; memory holds one block, or one chunk of at most 4 MiB where the format has
//! chunks.
//!
//! Only what is protected against changes is taken, but that is known at the end: whoever gets the bytes
//! acts on none before [`read_all`] says that all is well.

use crate::failure::Failure;
use crate::keyring::Keyring;
use crate::unpack::{self, Caps, Meter, PackedError, Packing, Source, fill};
use pgp::composed::{DecryptionOptions, Edata, Esk, Message, TheRing};
use pgp::types::Seipdv1ReadMode;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes of a file before what is encrypted: more than a hundred recipients.
const HEAD_BYTES_MAX: u64 = 128 << 10;
/// Compressed, signed, compressed again: what any program writes.
const LAYERS_MAX: usize = 4;
/// Most characters of what the library says of a message.
const REASON_CHARS_MAX: usize = 200;

/// Why an encrypted file is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    #[error("the file is not encrypted, as file.decrypt wants it")]
    Plain,
    #[error("the file is encrypted, and the partner has no file.decrypt: {0}")]
    NoKey(Recipients),
    #[error("the file is encrypted to other keys than ours ({ours}): {recipients}")]
    OtherKey { recipients: Recipients, ours: String },
    #[error("the file is encrypted with a password, not to a key")]
    Password,
    #[error("the encrypted file is not protected against changes (it has neither MDC nor AEAD)")]
    Unprotected,
    #[error("the encrypted file holds another encrypted one")]
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
    fn damaged(error: &dyn fmt::Display) -> Self {
        Self::Damaged(error.to_string().chars().take(REASON_CHARS_MAX).collect())
    }
}

impl From<pgp::errors::Error> for Closed {
    fn from(error: pgp::errors::Error) -> Self {
        Self::damaged(&error)
    }
}

/// The keys that a message is encrypted to.
#[derive(Debug)]
pub(crate) struct Recipients(Vec<String>);

impl Recipients {
    fn of(esk: &[Esk]) -> Self {
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

/// Do these first bytes begin a message that is encrypted, or anything else that is armoured?
pub(crate) fn is_message(first: &[u8]) -> bool {
    const ARMOUR: &[u8] = b"-----BEGIN PGP ";
    if first.trim_ascii_start().starts_with(ARMOUR) {
        return true;
    }
    let [head, rest @ ..] = first else { return false };
    // RFC 9580, 4.2: the kind of the first packet, and how long its length is.
    let (kind, length) = match (head, rest.first()) {
        (0xc0.., Some(0xc0..0xe0)) => (head & 0x3f, 2),
        (0xc0.., Some(0xff)) => (head & 0x3f, 5),
        (0xc0.., _) => (head & 0x3f, 1),
        (0x80.., _) => {
            (head >> 2 & 0x0f, [1, 2, 4, 0].get(usize::from(head & 3)).copied().unwrap_or(0))
        }
        _ => return false,
    };
    // No text has such a version's number as its second to sixth byte.
    match (kind, rest.get(length..)) {
        (1, Some([3 | 6, ..])) | (3, Some([4..=6, ..])) | (18 | 20, Some([1 | 2, ..])) => true,
        (10, Some(marker)) => marker.starts_with(b"PGP"),
        _ => false,
    }
}

/// Whom the message in `file` is encrypted to, as far as it can be said.
pub(crate) fn refusal(file: File) -> Closed {
    match parse(file) {
        Ok((Message::Encrypted { esk, .. }, _)) => match Recipients::of(&esk) {
            recipients if recipients.0.is_empty() => Closed::Password,
            recipients => Closed::NoKey(recipients),
        },
        Ok(_) => Closed::Plain,
        Err(closed) => closed,
    }
}

/// Gives what the message in `file` holds, which may be packed, to `each`. The inner error: why that is
/// not possible, or must not be used.
///
/// # Errors
/// Of `each`, and of temporary files.
pub(crate) fn read_all<E: From<Failure>>(
    file: File,
    keyring: &Keyring,
    caps: Caps<'_>,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Result<(), PackedError>, E> {
    let packed = file.metadata().map_err(Failure::scratch)?.len();
    let mut message = match open(file, keyring) {
        Ok(message) => message,
        Err(closed) => return Ok(Err(closed.into())),
    };
    let caps = Caps { packed_max: packed, ..caps };
    let mut meter = Meter::new(Packing::Pgp, caps);
    let mut source = Source::new(|block: &mut [u8]| {
        let len = fill(block, |rest| message.read(rest))
            .map_err(|error| Stop::Packed(Closed::damaged(&error).into()))?;
        meter.add(len, packed).map_err(Stop::Packed)?;
        Ok(len)
    });
    let packing = source.packing();
    let unpacked = packing.and_then(|packing| {
        unpack::content(&mut source, packing, caps, |bytes| each(bytes).map_err(Stop::Each))
    });
    match unpacked {
        Ok(Ok(())) => Ok(keyring.verify(&message).map_err(PackedError::from)),
        Ok(Err(error)) | Err(Stop::Packed(error)) => Ok(Err(error)),
        Err(Stop::Each(error)) => Err(error),
    }
}

/// Why reading a message ends before its end.
enum Stop<E> {
    Packed(PackedError),
    Each(E),
}

impl<E: From<Failure>> From<Failure> for Stop<E> {
    fn from(failure: Failure) -> Self {
        Self::Each(failure.into())
    }
}

/// The message that `file` is, and what it may still read before it is opened.
fn parse(file: File) -> Result<(Message<'static>, Arc<AtomicU64>), Closed> {
    let left = Arc::new(AtomicU64::new(HEAD_BYTES_MAX));
    let head = Head { file, left: left.clone() };
    let (message, _) = Message::from_reader(BufReader::new(head))?;
    Ok((message, left))
}

/// Decrypts and unpacks as far as to where the content begins.
fn open(file: File, keyring: &Keyring) -> Result<Message<'static>, Closed> {
    let (message, left) = parse(file)?;
    let Message::Encrypted { esk, edata, .. } = &message else { return Err(Closed::Plain) };
    if matches!(edata, Edata::SymEncryptedData { .. }) {
        return Err(Closed::Unprotected);
    }
    let recipients = Recipients::of(esk);
    if recipients.0.is_empty() {
        return Err(Closed::Password);
    }
    let ours = keyring.ids();
    let options = DecryptionOptions::new()
        .enable_gnupg_aead()
        .set_seipdv1_read_mode(Seipdv1ReadMode::Streaming);
    let ring = TheRing {
        secret_keys: keyring.private.iter().collect(),
        key_passwords: vec![&keyring.passphrase],
        decrypt_options: options,
        ..TheRing::default()
    };
    let mut message = match message.decrypt_the_ring(ring, true) {
        Ok((message, _)) => message,
        Err(pgp::errors::Error::MissingKey) if recipients.0.iter().any(|id| ours.contains(id)) => {
            return Err(Closed::Damaged("what it has for our key cannot be decrypted".to_owned()));
        }
        Err(pgp::errors::Error::MissingKey) => {
            return Err(Closed::OtherKey { recipients, ours: ours.join(", ") });
        }
        Err(error) => return Err(error.into()),
    };
    for _ in 0..LAYERS_MAX {
        let content = match &message {
            Message::Signed { reader, .. } => reader.get_ref(),
            other => other,
        };
        match content {
            Message::Literal { .. } => {
                left.store(u64::MAX, Ordering::Relaxed);
                return Ok(message);
            }
            Message::Compressed { .. } => message = message.decompress()?,
            Message::Encrypted { .. } => return Err(Closed::Twice),
            Message::Signed { .. } => break,
        }
    }
    Err(Closed::Damaged("it is packed too often".to_owned()))
}

/// A file of which only so much is read until its message was opened: what stands there is kept in
/// memory.
#[derive(Debug)]
struct Head {
    file: File,
    left: Arc<AtomicU64>,
}

impl Read for Head {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed).checked_sub(len as u64);
        let left =
            left.ok_or_else(|| io::Error::other("its keys and signatures take too much room"))?;
        self.left.store(left, Ordering::Relaxed);
        Ok(len)
    }
}
