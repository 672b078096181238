//! What is taken: whoever encrypted it, however it is packed within.

use super::gpg::Gpg;
use super::keys::{encrypted, key, keys, packets, plain};
use super::{judge, orders, partner, us3_judges};
use crate::support::sample;
use flate2::Compression;
use flate2::write::GzEncoder;
use intake::access::Keys;
use pgp::composed::MessageBuilder;
use pgp::crypto::aead::{AeadAlgorithm, ChunkSize};
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::types::CompressionAlgorithm;
use rand::thread_rng;
use std::io::Write as _;

#[test]
fn what_gpg_encrypts_is_read_as_what_it_holds() {
    let gpg = Gpg::new();
    gpg.make("curve", ["ed25519", "cv25519"], "");
    gpg.make("rsa", ["rsa3072", "rsa3072"], "open sesame");
    let [curve, rsa] = [("curve", ""), ("rsa", "open sesame")].map(|(name, passphrase)| Keys {
        private_key: gpg.private_key(name, passphrase),
        passphrase: (!passphrase.is_empty()).then(|| passphrase.to_owned()),
        signer_key: None,
    });
    let us1 = partner("US1");
    let content = sample("US1/2011-12-09.csv");
    let expected = judge("US1", &us1, None, &content).unwrap();
    let check = |arguments: &str, keys: &Keys| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let file = gpg.pipe(&arguments, &content);
        let found = judge("US1", &us1, Some(keys.clone()), &file);
        assert!(found.as_ref() == Ok(&expected), "{arguments:?}: {found:?}");
    };
    check("-e -r curve", &curve);
    check("-e -r rsa", &rsa);
    check("-e -r curve -r rsa", &curve);
    check("-e -r curve -r rsa", &rsa);
    check("-e -r curve --armor", &curve);
    check("-e -r curve --textmode", &curve);
    check("-e -r curve --compress-algo none", &curve);
    check("-e -r curve --compress-algo zlib", &curve);
    check("-e -R curve --cipher-algo AES128", &curve);
    check("-e -r rsa -s -u curve", &rsa);
    // With SHA-1 anybody who may choose a part of two contents can give them one signature.
    let signed = Keys { signer_key: Some(gpg.public_key("rsa")), ..curve };
    let sign = ["--passphrase", "open sesame", "-s", "-u", "rsa", "-e", "-r", "curve"];
    let with = |digest| {
        let file = gpg.pipe(&[&sign[..], &["--digest-algo", digest]].concat(), &content);
        judge("US1", &us1, Some(signed.clone()), &file)
    };
    assert!(with("SHA256").as_ref() == Ok(&expected));
    let reason = with("SHA1").unwrap_err();
    assert!(reason.ends_with("made a signature of a kind that is not accepted"), "{reason}");
}

#[test]
fn other_ways_to_encrypt_and_to_pack_are_read() {
    let (ours, other) = (key(), key());
    let expected = us3_judges(None, &orders()).unwrap();
    let ok = |file: &[u8]| us3_judges(Some(keys(&ours)), file);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&orders()).unwrap();
    let gzip = gzip.finish().unwrap();
    let compressed = packets(&orders(), Some(CompressionAlgorithm::ZIP), &[]);
    for packets in [plain(&orders()), plain(&gzip), compressed] {
        assert_eq!(ok(&encrypted(&packets, &[&ours])).as_ref(), Ok(&expected));
        assert_eq!(ok(&encrypted(&packets, &[&other, &ours])).as_ref(), Ok(&expected));
    }
    for aead in [AeadAlgorithm::Ocb, AeadAlgorithm::Eax, AeadAlgorithm::Gcm] {
        let mut builder = MessageBuilder::from_bytes("", orders()).seipd_v2(
            thread_rng(),
            SymmetricKeyAlgorithm::AES256,
            aead,
            ChunkSize::C64B,
        );
        let public = pgp::composed::SignedPublicKey::from(ours.clone());
        builder.encrypt_to_key(thread_rng(), &public.public_subkeys[0]).unwrap();
        let file = builder.to_vec(thread_rng()).unwrap();
        assert_eq!(ok(&file).as_ref(), Ok(&expected), "{aead:?}");
        for part in 1..64 {
            let cut = ok(&file[..file.len() * part / 64]).unwrap_err();
            assert!(cut.starts_with("the encrypted file "), "{part}: {cut}");
        }
    }
}
