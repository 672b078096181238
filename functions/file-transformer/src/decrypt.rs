//! Reads files encrypted with OpenPGP, from a temporary file. The content is passed on while it is
//! decrypted; memory holds one block, or one chunk of at most 4 MiB if the format has chunks.
//!
//! Only messages with integrity protection are accepted, but integrity is known only at the end: the
//! receiver of the bytes must not act on them before [`read_all`] has succeeded.

use crate::closed::{Closed, Recipients};
use crate::failure::Failure;
use crate::keyring::Keyring;
use crate::packed::{Caps, Meter, PackedError, Packing};
use crate::unpack::{self, Source, fill};
use pgp::composed::{DecryptionOptions, Edata, Message, TheRing};
use pgp::types::Seipdv1ReadMode;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes before the encrypted data: enough for more than a hundred recipients.
const HEAD_BYTES_MAX: u64 = 128 << 10;
/// Compressed, signed, compressed again: no program writes more layers.
const LAYERS_MAX: usize = 4;

/// Why the message in `file` is refused: names its recipients, as far as they are known.
pub(crate) fn refusal(file: File) -> Closed {
    match parse(file) {
        Ok((Message::Encrypted { esk, .. }, _)) => match Recipients::of(&esk) {
            recipients if recipients.is_empty() => Closed::Password,
            recipients => Closed::NoKey(recipients),
        },
        Ok(_) => Closed::Plain,
        Err(closed) => closed,
    }
}

/// Passes the content of the message in `file`, which may be packed, to `each`. The inner error says
/// why this is not possible, or why the content must not be used.
///
/// # Errors
/// Errors of `each`, and of temporary files.
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

/// Why reading a message stopped before its end.
enum Stop<E> {
    Packed(PackedError),
    Each(E),
}

impl<E: From<Failure>> From<Failure> for Stop<E> {
    fn from(failure: Failure) -> Self {
        Self::Each(failure.into())
    }
}

/// Parses the message in `file`; also returns how many bytes may still be read before it is opened.
fn parse(file: File) -> Result<(Message<'static>, Arc<AtomicU64>), Closed> {
    let left = Arc::new(AtomicU64::new(HEAD_BYTES_MAX));
    let head = Head { file, left: left.clone() };
    let (message, _) = Message::from_reader(BufReader::new(head))?;
    Ok((message, left))
}

/// Decrypts and unpacks up to the beginning of the content.
fn open(file: File, keyring: &Keyring) -> Result<Message<'static>, Closed> {
    let (message, left) = parse(file)?;
    let Message::Encrypted { esk, edata, .. } = &message else { return Err(Closed::Plain) };
    if matches!(edata, Edata::SymEncryptedData { .. }) {
        return Err(Closed::Unprotected);
    }
    let recipients = Recipients::of(esk);
    if recipients.is_empty() {
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
        Err(pgp::errors::Error::MissingKey) if recipients.any_of(&ours) => {
            return Err(Closed::Damaged(
                "the session key for our key cannot be decrypted".to_owned(),
            ));
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
    Err(Closed::Damaged("it is compressed too many times".to_owned()))
}

/// A file of which only a limited part is read before its message is opened: that part is kept in
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
        let left = left.ok_or_else(|| io::Error::other("its keys and signatures are too large"))?;
        self.left.store(left, Ordering::Relaxed);
        Ok(len)
    }
}
