//! The partners as this machine sees them: those without a folder of their own get one here.

use anyhow::{Context as _, Result, bail};
use serde_yaml_ng::{Mapping, Value};

/// The root's `partners.yml`, so that the command needs no file.
pub const BUILT_IN: &str = include_str!("../../../partners.yml");

/// Where the partners' folders are on this machine.
pub struct Folders<'a> {
    /// Of the SFTP server on 127.0.0.1.
    pub port: u16,
    /// The login.
    pub user: &'a str,
    /// The server's, as in `known_hosts`.
    pub host_key: &'a str,
}

/// The partners of `text` that have files but no folder.
pub fn without_folder(text: &str) -> Result<Vec<String>> {
    let mut document = read(text)?;
    let names = partners(&mut document)?.iter().filter(|(_, partner)| needs_folder(partner));
    Ok(names.filter_map(|(name, _)| Some(name.as_str()?.to_owned())).collect())
}

/// `text` with a folder for every partner of [`without_folder`].
pub fn with_folders(text: &str, folders: &Folders<'_>) -> Result<String> {
    let mut document = read(text)?;
    for (name, partner) in partners(&mut document)?.iter_mut() {
        let needs = needs_folder(partner);
        let (Some(name), Some(fields)) = (name.as_str(), partner.as_mapping_mut()) else {
            continue;
        };
        if needs {
            let mut sftp = Mapping::new();
            let mut set = |key: &str, value: Value| drop(sftp.insert(key.into(), value));
            set("host", "127.0.0.1".into());
            set("port", folders.port.into());
            set("user", folders.user.into());
            set("host-key", folders.host_key.into());
            set("private-key-secret", key_secret(name).into());
            set("path", ".".into());
            fields.insert("sftp".into(), sftp.into());
        }
    }
    let text = serde_yaml_ng::to_string(&document).context("cannot write the partners")?;
    Ok(format!("# Written by `orderflow up`; changes here do not last.\n{text}"))
}

/// Did [`with_folders`] make `written` of `text`?
pub fn is_from(written: &str, text: &str) -> bool {
    let (Ok(mut written), Ok(mut text)) = (read(written), read(text)) else { return false };
    let (Ok(there), Ok(given)) = (partners(&mut written), partners(&mut text)) else {
        return false;
    };
    for (name, partner) in given.iter_mut().filter(|(_, partner)| needs_folder(partner)) {
        for partner in there.get_mut(name).into_iter().chain([partner]) {
            if let Some(fields) = partner.as_mapping_mut() {
                fields.remove("sftp");
            }
        }
    }
    written == text
}

/// Name of the secret with a partner's key, as Kubernetes takes it: it ends in a letter or digit. Names of
/// partners differ by more.
pub fn key_secret(partner: &str) -> String {
    let name = partner.to_ascii_lowercase().replace('_', "-");
    if name.ends_with('-') { format!("sftp-keyof-{name}x") } else { format!("sftp-key-{name}") }
}

fn read(text: &str) -> Result<Value> {
    let mut document: Value = serde_yaml_ng::from_str(text).context("the partners")?;
    document.apply_merge().context("the partners")?;
    Ok(document)
}

fn partners(document: &mut Value) -> Result<&mut Mapping> {
    match document.get_mut("partners").and_then(Value::as_mapping_mut) {
        Some(partners) => Ok(partners),
        None => bail!("the partners: no key `partners` with one entry for each"),
    }
}

fn needs_folder(partner: &Value) -> bool {
    partner.get("file").is_some() && partner.get("sftp").is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
partners:
  A: {currency: EUR, file: {columns: {}}}
  B: {currency: EUR}
  C: {currency: EUR, file: {columns: {}}, sftp: {host: far}}
";

    #[test]
    fn only_partners_with_files_and_without_a_folder_get_one() {
        assert_eq!(without_folder(TEXT).unwrap(), ["A"]);
        let folders = Folders { port: 22022, user: "me", host_key: "ssh-ed25519 AAAA" };
        let text = with_folders(TEXT, &folders).unwrap();
        let document: Value = serde_yaml_ng::from_str(&text).unwrap();
        let sftp = |name: &str| document["partners"][name]["sftp"].clone();
        assert_eq!(sftp("A")["port"], 22022);
        assert_eq!(sftp("A")["private-key-secret"], "sftp-key-a");
        assert!(sftp("B").is_null());
        assert_eq!(sftp("C")["host"], "far");
        assert!(is_from(&text, TEXT));
        assert!(!is_from(&text, &TEXT.replace("far", "near")));
        assert!(!is_from(&text, &TEXT.replace("  B: {currency: EUR}\n", "")));
    }

    #[test]
    fn a_secret_of_a_key_has_a_name_that_kubernetes_takes_and_no_other_partner_has() {
        let names = ["A", "A-", "A_-", "A-x", "keyof-A", "of-A-x"].map(key_secret);
        assert_eq!(names[1..3], ["sftp-keyof-a-x", "sftp-keyof-a--x"]);
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn the_built_in_partners_all_get_a_folder() {
        assert_eq!(without_folder(BUILT_IN).unwrap(), ["US1", "US2", "US3"]);
    }

    #[test]
    fn a_file_without_partners_says_so() {
        for text in ["", "partners: 1", "["] {
            assert!(without_folder(text).is_err(), "{text}");
        }
    }
}
