//! What is refused, and why.

use super::keys::{armoured, encrypted, id, key, keys, packets, plain, sealed};
use super::{judge, orders, partner, us3_judges};
use domain::partner::{Decrypt, Partner};
use intake::access::Keys;
use pgp::composed::MessageBuilder;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::types::{CompressionAlgorithm, StringToKey};
use rand::thread_rng;

const DAMAGED: &str = "the encrypted file is damaged, or no OpenPGP message: ";

#[test]
fn a_file_that_is_cut_or_changed_anywhere_is_refused() {
    let ours = key();
    let mut content = orders();
    for number in 0..2_000 {
        content.extend(crate::support::us3(&format!("B{number}"), 1).into_bytes());
    }
    let zlib = Some(CompressionAlgorithm::ZLIB);
    for packets in [plain(&content), packets(&content, zlib, &[])] {
        let file = encrypted(&packets, &[&ours]);
        assert!(us3_judges(Some(keys(&ours)), &file).is_ok());
        for part in 0..64 {
            let at = file.len() * part / 64;
            // Of which nothing is there, or only the start of what tells it, is no message.
            if part > 0 {
                let reason = us3_judges(Some(keys(&ours)), &file[..at]).unwrap_err();
                assert!(reason.starts_with(DAMAGED), "cut at {at}: {reason}");
            }
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(us3_judges(Some(keys(&ours)), &changed).is_err(), "changed at {at}");
        }
    }
}

#[test]
fn what_cannot_be_opened_says_which_key_would() {
    let (ours, other) = (key(), key());
    let file = encrypted(&plain(&orders()), &[&other]);
    assert_eq!(
        us3_judges(Some(keys(&ours)), &file).unwrap_err(),
        format!(
            "the file is not encrypted for our key ({}): it is encrypted to {}",
            id(&ours),
            id(&other)
        )
    );
    assert_eq!(
        us3_judges(None, &file).unwrap_err(),
        format!(
            "the file is encrypted, and the partner has no file.decrypt: it is encrypted to {}",
            id(&other)
        )
    );
    // Our id stands before what another key opens.
    let [head, _] = sealed(&[], &[&ours]);
    let [_, body] = sealed(&plain(&orders()), &[&ours]);
    let reason = us3_judges(Some(keys(&ours)), &[head, body].concat()).unwrap_err();
    assert!(reason.starts_with(DAMAGED), "{reason}");

    let mut builder = MessageBuilder::from_bytes("", orders())
        .seipd_v1(thread_rng(), SymmetricKeyAlgorithm::AES256);
    let s2k = StringToKey::new_default(thread_rng());
    builder.encrypt_with_password(s2k, &"secret".into()).unwrap();
    let file = builder.to_vec(thread_rng()).unwrap();
    let expected = "the file is encrypted with a password, not to a key";
    assert_eq!(us3_judges(Some(keys(&ours)), &file).unwrap_err(), expected);
    assert_eq!(us3_judges(None, &file).unwrap_err(), expected);
}

#[test]
fn what_is_not_protected_or_holds_something_else_is_refused() {
    let ours = key();
    let refused = |file: &[u8], expected: &str| {
        let reason = us3_judges(Some(keys(&ours)), file).unwrap_err();
        assert!(reason.starts_with(expected), "{reason}");
    };
    // The old kind of packet has no checksum: the same bytes but for the version.
    let [head, body] = sealed(&plain(&orders()), &[&ours]);
    let at = body.iter().position(|byte| *byte == 1).unwrap();
    assert!(body[0] == 0xd2 && at <= 6, "a packet of kind 18, its length and its version");
    let content = &body[at + 1..];
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let unprotected = [&head[..], &[0xc9, 0xff], &length, content].concat();
    refused(&unprotected, "the encrypted file is not protected against changes");

    let twice = encrypted(&encrypted(&plain(&orders()), &[&ours]), &[&ours]);
    refused(&twice, "the encrypted file contains another encrypted file");
    let within = encrypted(&plain(&encrypted(&plain(&orders()), &[&ours])), &[&ours]);
    refused(&within, "the encrypted file contains another encrypted file");
    refused(&encrypted(b"order_id,product_id\n", &[&ours]), DAMAGED);
    refused(b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\na\n", DAMAGED);
    refused(b"-----BEGIN PGP MESSAGE-----\n\nnot base64!\n", DAMAGED);
    // Two messages in one file, of which gpg reads the first.
    let one = encrypted(&plain(&orders()), &[&ours]);
    refused(&[&one[..], &one].concat(), DAMAGED);
}

#[test]
fn a_file_that_unpacks_to_far_too_much_is_refused() {
    let ours = key();
    let bomb = packets(&vec![b'a'; 40 << 20], Some(CompressionAlgorithm::ZLIB), &[]);
    let reason = us3_judges(Some(keys(&ours)), &encrypted(&bomb, &[&ours])).unwrap_err();
    assert!(
        reason.starts_with("the encrypted file holds more than 200 times its size"),
        "{reason}"
    );
    let mut small = partner("US3");
    small.inbox.max_bytes = 100;
    let file = encrypted(&plain(&orders()), &[&ours]);
    assert_eq!(
        judge("US3", &small, Some(keys(&ours)), &file).unwrap_err(),
        "the encrypted file holds more than 100 bytes, the limit of inbox.max-bytes"
    );
}

#[test]
fn a_file_that_is_not_encrypted_is_taken_only_where_that_is_allowed() {
    let ours = key();
    let mut strict = partner("US3");
    let decrypt = |required| Decrypt {
        private_key_secret: "a".into(),
        passphrase_secret: None,
        signer_key_secret: None,
        required,
    };
    strict.file.as_mut().unwrap().decrypt = Some(decrypt(true));
    let judge = |partner: &Partner, file: &[u8]| judge("US3", partner, Some(keys(&ours)), file);
    let file = encrypted(&plain(&orders()), &[&ours]);
    let expected = judge(&strict, &file).unwrap();
    let signed = packets(&orders(), None, &[(&ours, pgp::crypto::hash::HashAlgorithm::Sha256)]);
    for plain in [&orders(), &signed, &Vec::new()] {
        let reason = judge(&strict, plain).unwrap_err();
        assert_eq!(reason, "the file is not encrypted, as file.decrypt wants it");
    }
    strict.file.as_mut().unwrap().decrypt = Some(decrypt(false));
    assert_eq!(judge(&strict, &orders()), Ok(expected));
}

#[test]
fn keys_that_cannot_be_used_are_named() {
    let ours = key();
    let mut locked = key();
    locked.primary_key.set_password(thread_rng(), &"a".into()).unwrap();
    locked.secret_subkeys[0].key.set_password(thread_rng(), &"a".into()).unwrap();
    let refused = |keys: Keys, expected: &str| {
        let file = encrypted(&plain(&orders()), &[&ours]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pgp");
        std::fs::write(&path, file).unwrap();
        let beside = file_transformer::dry_run::Beside { keys: Some(keys), products: None };
        let us3 = domain::PartnerId::parse("US3").unwrap();
        let partner = partner("US3");
        let judged = file_transformer::dry_run::judge(&us3, &partner, &beside, &path, dir.path());
        let error = judged.unwrap_err().to_string();
        let error = error.strip_prefix("the configuration cannot be used: ").unwrap();
        assert!(error.starts_with(expected), "{error}");
    };
    let private_key = || armoured(&locked);
    let of = |private_key| Keys { private_key, passphrase: None, signer_key: None };
    refused(of("secret".into()), "private-key-secret: it is no armoured private key: ");
    refused(of(super::keys::public(&ours)), "private-key-secret: it is no armoured private key: ");
    refused(of(private_key()), "passphrase-secret: the private key ");
    let wrong = Keys { passphrase: Some("b".into()), ..of(private_key()) };
    refused(wrong, "passphrase-secret: it is not the passphrase of the private key ");
    let signer = Keys { signer_key: Some("key".into()), ..keys(&ours) };
    refused(signer, "signer-key-secret: it is no armoured public key: ");
}
