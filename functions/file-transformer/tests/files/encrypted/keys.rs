//! Keys, and messages put together packet by packet.

use intake::access::Keys;
use pgp::composed::{
    ArmorOptions, EncryptionCaps, KeyType, MessageBuilder, SecretKeyParamsBuilder, SignedPublicKey,
    SignedSecretKey, SubkeyParamsBuilder,
};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{PacketTrait as _, PublicKeyEncryptedSessionKey, SymEncryptedProtectedData};
use pgp::types::{CompressionAlgorithm, KeyDetails as _, Password};
use rand::thread_rng;

const CIPHER: SymmetricKeyAlgorithm = SymmetricKeyAlgorithm::AES256;

/// A key that signs, with a subkey that decrypts.
pub(crate) fn key() -> SignedSecretKey {
    let mut subkey = SubkeyParamsBuilder::default();
    subkey.key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy)).can_encrypt(EncryptionCaps::All);
    let mut key = SecretKeyParamsBuilder::default();
    key.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(true);
    key.primary_user_id("test".into()).subkey(subkey.build().unwrap());
    key.build().unwrap().generate(thread_rng()).unwrap()
}

/// The id of the subkey that decrypts.
pub(crate) fn id(key: &SignedSecretKey) -> String {
    hex::encode_upper(key.secret_subkeys[0].key.legacy_key_id().as_ref())
}

pub(crate) fn armoured(key: &SignedSecretKey) -> String {
    key.to_armored_string(ArmorOptions::default()).unwrap()
}

pub(crate) fn public(key: &SignedSecretKey) -> String {
    SignedPublicKey::from(key.clone()).to_armored_string(ArmorOptions::default()).unwrap()
}

pub(crate) fn keys(key: &SignedSecretKey) -> Keys {
    Keys { private_key: armoured(key), passphrase: None, signer_key: None }
}

/// The same, and files must be signed by `signer`.
pub(crate) fn signed_by(key: &SignedSecretKey, signer: &SignedSecretKey) -> Keys {
    Keys { signer_key: Some(public(signer)), ..keys(key) }
}

/// The packets of a message that is not encrypted yet.
pub(crate) fn packets(
    content: &[u8],
    compression: Option<CompressionAlgorithm>,
    signers: &[(&SignedSecretKey, HashAlgorithm)],
) -> Vec<u8> {
    let mut builder = MessageBuilder::from_bytes("orders.csv", content.to_vec());
    if let Some(compression) = compression {
        builder.compression(compression);
    }
    for (signer, hash) in signers {
        builder.sign(&signer.primary_key, Password::empty(), *hash);
    }
    builder.to_vec(thread_rng()).unwrap()
}

/// Literal data, nothing more.
pub(crate) fn plain(content: &[u8]) -> Vec<u8> {
    packets(content, None, &[])
}

/// Encrypts packets to keys: first what has the session's key for each, then what it opens.
pub(crate) fn sealed(packets: &[u8], to: &[&SignedSecretKey]) -> [Vec<u8>; 2] {
    let session = CIPHER.new_session_key(thread_rng());
    let mut head = Vec::new();
    for key in to {
        let key = SignedPublicKey::from((*key).clone());
        let subkey = &key.public_subkeys[0];
        PublicKeyEncryptedSessionKey::from_session_key_v3(thread_rng(), &session, CIPHER, subkey)
            .unwrap()
            .to_writer_with_header(&mut head)
            .unwrap();
    }
    let mut body = Vec::new();
    SymEncryptedProtectedData::encrypt_seipdv1(thread_rng(), CIPHER, session.as_ref(), packets)
        .unwrap()
        .to_writer_with_header(&mut body)
        .unwrap();
    [head, body]
}

pub(crate) fn encrypted(packets: &[u8], to: &[&SignedSecretKey]) -> Vec<u8> {
    sealed(packets, to).concat()
}
