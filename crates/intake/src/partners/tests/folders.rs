//! Logins of partners' folders, and keys of files.

use super::*;

#[test]
fn what_must_be_signed_must_be_encrypted() {
    check(
        "signer, required: true",
        "signer, required: false",
        &["partners.US1.file.decrypt.required: is false, but a file that is not encrypted is not \
           signed either"],
    );
    check(
        "{private-key-secret: us1-pgp, ",
        "{",
        &["partners.US1.file.decrypt.private-key-secret: missing"],
    );
}

#[test]
fn a_login_has_one_secret_whose_name_stays_in_its_folder() {
    check(
        "      private-key-secret: us1-key\n",
        "",
        &["partners.US1.sftp: needs one of private-key-secret and password-secret"],
    );
    check(
        "private-key-secret: us1-key",
        "private-key-secret: us1-key\n      password-secret: x",
        &["partners.US1.sftp: has both private-key-secret and password-secret; one is needed"],
    );
    check(
        "us1-key",
        "../us1-key",
        &[
            "partners.US1.sftp.private-key-secret: is \"../us1-key\"; allowed are A-Z a-z 0-9 - _ . \
           and no dot in front",
        ],
    );
}

#[test]
fn a_host_key_must_be_one() {
    check(KEY, "yes", &["partners.US1.sftp.host-key: is not of the form \"ssh-ed25519 AAAA…\""]);
}

#[test]
fn two_partners_do_not_share_a_folder() {
    let one = good();
    let (partners, sellers) = one.split_once("sellers:\n").unwrap();
    let (_, partner) = partners.split_once("  US1:\n").unwrap();
    let both = format!("{partners}  US2:\n{partner}sellers:\n{sellers}");
    assert_eq!(problems(&both), ["partners.US2.sftp.path: is the same folder as that of US1"]);
}
