//! Who must have signed.

use super::keys::{encrypted, key, packets, plain, signed_by};
use super::{orders, us3_judges};
use pgp::crypto::hash::HashAlgorithm;
use pgp::types::KeyDetails as _;

#[test]
fn a_file_must_be_signed_by_the_key_that_is_configured() {
    let (ours, theirs, other) = (key(), key(), key());
    let judge =
        |packets: &[u8]| us3_judges(Some(signed_by(&ours, &theirs)), &encrypted(packets, &[&ours]));
    let signed = |signers: &[_]| packets(&orders(), None, signers);
    let good = HashAlgorithm::Sha512;
    let expected = us3_judges(None, &orders());
    assert!(expected.is_ok());
    assert_eq!(judge(&signed(&[(&theirs, good)])), expected);
    assert_eq!(judge(&signed(&[(&other, good), (&theirs, good)])), expected);

    assert_eq!(judge(&plain(&orders())).unwrap_err(), "the encrypted file is not signed");
    let reason = judge(&signed(&[(&other, good)])).unwrap_err();
    let start = "the encrypted file is signed by another key than file.decrypt names: ";
    let id = hex::encode_upper(other.primary_key.legacy_key_id().as_ref());
    assert!(reason.starts_with(&format!("{start}{id}")), "{reason}");
}

#[test]
fn a_signature_of_another_content_does_not_count() {
    let (ours, theirs) = (key(), key());
    let mut forged = packets(&orders(), None, &[(&theirs, HashAlgorithm::Sha256)]);
    let at = forged.windows(3).position(|bytes| bytes == b"A1,").unwrap();
    forged[at + 1] = b'9';
    let file = encrypted(&forged, &[&ours]);
    let reason = us3_judges(Some(signed_by(&ours, &theirs)), &file).unwrap_err();
    assert!(reason.starts_with("the signature of the encrypted file is wrong: key "), "{reason}");
    // Where nobody must have signed, it is not looked at.
    let keys = super::keys::keys(&ours);
    assert!(us3_judges(Some(keys), &file).is_ok());
}
