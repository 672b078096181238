//! The keys that decrypt a partner's files, and those that verify signatures.

use crate::closed::Closed;
use domain::PartnerId;
use intake::access::Keys;
use intake::partners::Problem;
use pgp::composed::{
    Deserializable, Message, SignedPublicKey, SignedPublicSubKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, Password, VerifyingKey};

/// The keys for decrypting and verifying messages.
#[derive(Debug)]
pub(crate) struct Keyring {
    pub(crate) private: Vec<SignedSecretKey>,
    pub(crate) passphrase: Password,
    /// If set, one of these keys must have signed.
    signers: Option<Vec<SignedPublicKey>>,
}

/// Why keys cannot be used, with the setting that names the secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("private-key-secret: it is no armoured private key: {0}")]
    NoPrivateKey(String),
    #[error("private-key-secret: key {0} cannot decrypt")]
    NotForDecrypting(String),
    #[error("passphrase-secret: the private key {0} needs a passphrase")]
    NoPassphrase(String),
    #[error("passphrase-secret: it is not the passphrase of the private key {0}")]
    WrongPassphrase(String),
    #[error("signer-key-secret: it is no armoured public key: {0}")]
    NoSigner(String),
    #[error("signer-key-secret: key {0} was revoked")]
    Revoked(String),
    #[error("signer-key-secret: key {0} has subkeys that do not belong to it")]
    NotBound(String),
}

impl KeyError {
    /// The error with its place in the configuration.
    pub(crate) fn problem(&self, partner: &PartnerId) -> Problem {
        let text = self.to_string();
        let (setting, reason) = text.split_once(": ").unwrap_or(("private-key-secret", &text));
        let place = format!("partners.{partner}.file.decrypt.{setting}");
        Problem::new(place, reason)
    }
}

impl Keyring {
    /// Reads the keys and checks that they can be used.
    ///
    /// # Errors
    /// If they cannot.
    pub(crate) fn read(keys: &Keys) -> Result<Self, KeyError> {
        let private = all::<SignedSecretKey>(&keys.private_key).map_err(KeyError::NoPrivateKey)?;
        let passphrase = keys.passphrase.as_deref().map_or_else(Password::empty, Password::from);
        for key in &private {
            opens(key, &passphrase, keys.passphrase.is_some())?;
        }
        let signers = match &keys.signer_key {
            Some(text) => Some(all::<SignedPublicKey>(text).map_err(KeyError::NoSigner)?),
            None => None,
        };
        for key in signers.iter().flatten() {
            let id = || id(&key.primary_key);
            if !key.details.revocation_signatures.is_empty() {
                return Err(KeyError::Revoked(id()));
            }
            let is_bound =
                |subkey: &SignedPublicSubKey| subkey.verify_bindings(&key.primary_key).is_ok();
            // A revoked subkey need not be valid.
            if !key.public_subkeys.iter().all(|subkey| is_revoked(subkey) || is_bound(subkey)) {
                return Err(KeyError::NotBound(id()));
            }
        }
        Ok(Self { private, passphrase, signers })
    }

    /// The ids of all keys that can decrypt.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.private.iter().flat_map(decrypting).map(|(id, _)| id).collect()
    }

    /// Checks that the message, which was read to its end, is signed by the right key.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn verify(&self, message: &Message<'_>) -> Result<(), Closed> {
        let Some(signers) = &self.signers else { return Ok(()) };
        let Message::Signed { reader, .. } = message else { return Err(Closed::Unsigned) };
        let signing: Vec<&dyn VerifyingKey> = signers.iter().flat_map(signing).collect();
        let mut others = Vec::new();
        let mut forged = None;
        for index in 0..reader.num_signatures() {
            let Some(signature) = reader.signature(index) else { continue };
            let by = issuers(signature);
            let Some(key) =
                signing.iter().find(|key| names(**key).iter().any(|name| by.contains(name)))
            else {
                others.extend(by);
                continue;
            };
            let is_of_content =
                matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text));
            if !is_of_content || signature.hash_alg().is_none_or(is_weak) {
                forged = Some(format!(
                    "key {} made a signature of a kind that is not accepted",
                    id(*key)
                ));
            } else if let Err(error) = message.verify_nested_explicit(index, *key) {
                tracing::debug!(%error, "a signature is wrong");
                forged = Some(format!("key {} did not sign this", id(*key)));
            } else {
                return Ok(());
            }
        }
        match forged {
            Some(reason) => Err(Closed::Forged(reason)),
            None if others.is_empty() => Err(Closed::Unsigned),
            None => Err(Closed::OtherSigner(others.join(", "))),
        }
    }
}

/// Whether collisions of this hash can be constructed.
fn is_weak(hash: HashAlgorithm) -> bool {
    !matches!(
        hash,
        HashAlgorithm::Sha224
            | HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512
    )
}

/// All keys in an armoured text, at least one.
fn all<K: Deserializable>(text: &str) -> Result<Vec<K>, String> {
    let (keys, _) = K::from_string_many(text).map_err(|error| error.to_string())?;
    let keys = keys.collect::<Result<Vec<K>, _>>().map_err(|error| error.to_string())?;
    if keys.is_empty() { Err("it contains no key".to_owned()) } else { Ok(keys) }
}

fn id(key: &(impl KeyDetails + ?Sized)) -> String {
    hex::encode_upper(key.legacy_key_id().as_ref())
}

/// The two identifiers of a key: its id and its fingerprint.
fn names(key: &(impl KeyDetails + ?Sized)) -> [String; 2] {
    [id(key), format!("{:X}", key.fingerprint())]
}

/// The identifiers by which a signature names its key.
fn issuers(signature: &Signature) -> Vec<String> {
    let ids = signature.issuer_key_id().into_iter().map(|id| hex::encode_upper(id.as_ref()));
    let fingerprints = signature.issuer_fingerprint().into_iter().map(|name| format!("{name:X}"));
    ids.chain(fingerprints).collect()
}

/// Unlocks a key with a passphrase.
type Unlock<'a> = Box<dyn Fn(&Password) -> bool + 'a>;

/// The keys of `key` that can decrypt.
fn decrypting(key: &SignedSecretKey) -> impl Iterator<Item = (String, Unlock<'_>)> {
    let primary = &key.primary_key;
    let opens: Unlock<'_> = Box::new(|pw| primary.unlock(pw, |_, _| Ok(())).is_ok());
    let first = primary.algorithm().can_encrypt().then(|| (id(primary), opens));
    let subkeys = key.secret_subkeys.iter().map(|subkey| &subkey.key);
    let further = subkeys.filter(|key| key.algorithm().can_encrypt()).map(|key| {
        let opens: Unlock<'_> = Box::new(|pw| key.unlock(pw, |_, _| Ok(())).is_ok());
        (id(key), opens)
    });
    first.into_iter().chain(further)
}

/// Does it contain a key for decryption that the passphrase unlocks?
fn opens(key: &SignedSecretKey, passphrase: &Password, is_given: bool) -> Result<(), KeyError> {
    let mut is_for_decrypting = false;
    for (_, unlock) in decrypting(key) {
        is_for_decrypting = true;
        if unlock(passphrase) {
            return Ok(());
        }
    }
    let id = id(&key.primary_key);
    Err(match (is_for_decrypting, is_given) {
        (false, _) => KeyError::NotForDecrypting(id),
        (true, false) => KeyError::NoPassphrase(id),
        (true, true) => KeyError::WrongPassphrase(id),
    })
}

/// The keys of `key` that may sign. Expiry is ignored: the configuration decides which keys are valid.
fn signing(key: &SignedPublicKey) -> impl Iterator<Item = &dyn VerifyingKey> {
    let first: &dyn VerifyingKey = &key.primary_key;
    let may_sign = |subkey: &&SignedPublicSubKey| {
        let mut signatures = subkey.signatures.iter();
        signatures.any(|signature| signature.key_flags().sign()) && !is_revoked(subkey)
    };
    let subkeys = key.public_subkeys.iter().filter(may_sign);
    std::iter::once(first).chain(subkeys.map(|subkey| &subkey.key as &dyn VerifyingKey))
}

fn is_revoked(subkey: &SignedPublicSubKey) -> bool {
    let revocation = Some(SignatureType::SubkeyRevocation);
    subkey.signatures.iter().any(|signature| signature.typ() == revocation)
}
