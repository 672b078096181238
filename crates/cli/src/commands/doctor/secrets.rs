//! Secrets: there, not empty, each for itself, and not for everybody.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use domain::partner::Partner;
use runtime::door::{CONNECTOR_TOKEN, ORDERS_TOKEN};

use super::finding::Finding;
use super::site::Site;

/// Shorter ones can be guessed.
const TOKEN_BYTES_MIN: usize = 16;

/// The tokens that functions list in the stack of this program.
fn tokens() -> BTreeSet<String> {
    stack::secrets::tokens(&stack::built_in())
}

pub(super) fn look(site: &Site) -> Vec<Finding> {
    let Some(dir) = &site.secrets else {
        let todo = "--secrets-dir DIR";
        return vec![Finding::warning("secrets", "not looked at", todo)];
    };
    let (tokens, partners) = (tokens(), site.partners());
    let of_partners = partners.values().flat_map(of_partner).map(String::as_str);
    // Orders can be placed without HTTP, and the connector's token is nothing for people.
    let may_miss =
        |name: &str| name == ORDERS_TOKEN || site.is_elsewhere && name == CONNECTOR_TOKEN;
    let is_there = |name: &&str| !may_miss(name) || dir.join(name).exists();
    let of_doors = tokens.iter().map(String::as_str).filter(is_there);
    let mut findings: Vec<Finding> =
        of_doors.chain(of_partners).map(|name| secret(dir, name, &tokens)).collect();
    findings.extend(equal_tokens(dir, &tokens));
    findings
}

/// The secrets that a partner names: its login, and what opens its files.
fn of_partner(partner: &Partner) -> impl Iterator<Item = &String> {
    let sftp = partner.sftp.as_ref();
    let login = sftp.and_then(|it| it.private_key_secret.as_ref().or(it.password_secret.as_ref()));
    let decrypt = partner.file.as_ref().and_then(|file| file.decrypt.as_ref());
    let keys = decrypt.into_iter().flat_map(|it| {
        let further = it.passphrase_secret.iter().chain(&it.signer_key_secret);
        std::iter::once(&it.private_key_secret).chain(further)
    });
    login.into_iter().chain(keys)
}

fn secret(dir: &Path, name: &str, tokens: &BTreeSet<String>) -> Finding {
    let path = dir.join(name);
    let what = format!("secret {name}");
    let make = format!("put it into {}", path.display());
    let (text, mode) = match (std::fs::read(&path), path.metadata()) {
        (Ok(text), Ok(metadata)) => (text, metadata.permissions().mode()),
        (Err(error), _) | (_, Err(error)) => return Finding::bad(what, error.to_string(), make),
    };
    let len = text.trim_ascii().len();
    let close = format!("chmod 600 {}", path.display());
    if len == 0 {
        Finding::bad(what, "is empty", make)
    } else if mode & 0o022 != 0 {
        Finding::bad(what, format!("others may change it (mode {:o})", mode & 0o777), close)
    } else if tokens.contains(name) && len < TOKEN_BYTES_MIN {
        let text = format!("has {len} bytes; under {TOKEN_BYTES_MIN} it can be guessed");
        Finding::warning(what, text, "openssl rand -hex 32")
    } else if mode & 0o044 != 0 {
        let text = format!("other users of the machine may read it (mode {:o})", mode & 0o777);
        Finding::warning(what, text, close)
    } else {
        Finding::good(what, "is there")
    }
}

/// A token for two doors opens only the lower one.
fn equal_tokens(dir: &Path, tokens: &BTreeSet<String>) -> Option<Finding> {
    let text = |name: &str| {
        let text = std::fs::read(dir.join(name)).unwrap_or_default();
        text.trim_ascii().to_owned()
    };
    let pairs = tokens.iter().enumerate();
    let mut pairs = pairs.flat_map(|(at, a)| tokens.iter().skip(at + 1).map(move |b| (a, b)));
    let (a, b) = pairs.find(|(a, b)| !text(a).is_empty() && text(a) == text(b))?;
    let todo = "make one for each: openssl rand -hex 32";
    Some(Finding::bad("secrets", format!("{a} and {b} are the same; it opens only one door"), todo))
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::door::{ADMIN_TOKEN, READ_TOKEN};
    use std::fs;

    #[test]
    fn a_secret_that_is_not_as_it_should_be_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let check = |content: Option<&str>, mode: u32, expected: &str| {
            let path = dir.path().join(READ_TOKEN);
            drop(fs::remove_file(&path));
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
            let found = secret(dir.path(), READ_TOKEN, &tokens()).to_string();
            assert!(found.starts_with(expected), "{found}");
        };
        let good = "0123456789abcdef\n";
        check(Some(good), 0o600, "✓ secret api-token-read: is there");
        check(Some(good), 0o444, "! secret api-token-read: other users");
        check(
            Some(good),
            0o660,
            "✗ secret api-token-read: others may change it (mode 660) → chmod",
        );
        check(Some("short"), 0o600, "! secret api-token-read: has 5 bytes");
        check(Some(" \n"), 0o600, "✗ secret api-token-read: is empty");
        check(None, 0, "✗ secret api-token-read: No such file");
    }

    #[test]
    fn an_installation_elsewhere_needs_what_people_show() {
        let dir = tempfile::tempdir().unwrap();
        let missing = |is_elsewhere: bool| {
            let secrets = Some(dir.path().to_owned());
            let site = Site { secrets, is_elsewhere, ..Site::default() };
            let all: Vec<String> = look(&site).iter().map(ToString::to_string).collect();
            all.iter().any(|line| line.contains(CONNECTOR_TOKEN))
        };
        assert!(missing(false));
        assert!(!missing(true));
    }

    #[test]
    fn one_token_for_two_doors_is_found() {
        let dir = tempfile::tempdir().unwrap();
        for name in tokens() {
            fs::write(dir.path().join(&name), format!("token of {name}")).unwrap();
        }
        assert_eq!(equal_tokens(dir.path(), &tokens()), None);
        fs::write(dir.path().join(ADMIN_TOKEN), format!("token of {READ_TOKEN}\n")).unwrap();
        let found = equal_tokens(dir.path(), &tokens()).unwrap().to_string();
        assert!(found.contains("api-token-admin and api-token-read are the same"), "{found}");
    }
}
