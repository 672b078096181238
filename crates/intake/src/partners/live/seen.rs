//! One look at a configuration: the file, its secrets and its tables.

use super::configuration::{Check, Configuration, Secrets};
use crate::access::accounts;
use crate::partners::{Loaded, Problem, load_all, read_table, tables};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;

/// What stands in the file, the secrets and the tables at one time.
pub(super) struct Seen {
    /// SHA-256 of all of it.
    pub(super) digest: [u8; 32],
    /// Without the accounts of which something is missing.
    found: Option<Configuration>,
    problems: Vec<Problem>,
}

impl Seen {
    pub(super) fn read(path: &Path, secrets: &Secrets, reads_files: bool) -> Self {
        let mut seen = Sha256::new();
        let wrong =
            |seen: Sha256, problems| Self { digest: seen.finalize().into(), found: None, problems };
        let yaml = match std::fs::read_to_string(path) {
            Ok(yaml) => yaml,
            Err(error) => {
                let (place, reason) = (path.display().to_string(), error.to_string());
                seen.update(&reason);
                return wrong(seen, vec![Problem::new(place, reason)]);
            }
        };
        seen.update(&yaml);
        let digest = shown(&seen.clone().finalize());
        let Loaded { partners, sold } = match load_all(&yaml) {
            Ok(loaded) => loaded,
            Err(problems) => return wrong(seen, problems),
        };
        let mut problems = Vec::new();
        let mut accounts = accounts(&partners, reads_files, |name| match secrets(name) {
            Ok(secret) => {
                seen.update([0]);
                seen.update(&secret);
                Some(secret)
            }
            Err(reason) => {
                seen.update([1]);
                problems.push(Problem::new(format!("secret {name}"), reason));
                None
            }
        });
        let folder = path.parent().unwrap_or(path);
        for account in accounts.iter_mut().filter(|_| reads_files) {
            let table = |name: &str| {
                let table = read_table(folder, name)?;
                seen.update([0]);
                seen.update(&table);
                Ok(table)
            };
            match tables(&account.partner, &mut account.settings, table) {
                Ok(products) => {
                    account.products = products.map(Arc::new);
                    if let Some(format) = &account.settings.file {
                        account.format.clone_from(format);
                    }
                }
                Err(wrong) => problems.extend(wrong),
            }
        }
        let accounts =
            accounts.into_iter().map(|account| (account.partner.clone(), Arc::new(account)));
        let (accounts, seen) = (accounts.collect(), seen.finalize().into());
        let found = Some(Configuration { accounts, partners, sold, digest, seen });
        Self { digest: seen, found, problems }
    }

    /// The configuration if all of it is right, else everything that is wrong.
    pub(super) fn checked(self, files: Option<Check>) -> Result<Configuration, Vec<Problem>> {
        let Self { found, mut problems, .. } = self;
        if let (Some(found), Some(check)) = (&found, files) {
            problems.extend(check(found));
        }
        found.filter(|_| problems.is_empty()).ok_or(problems)
    }
}

/// What the metric `partners_configuration` says of a configuration: the first 16 hexadecimal digits of
/// its SHA-256.
#[must_use]
pub fn digest(yaml: &str) -> String {
    shown(&Sha256::digest(yaml))
}

fn shown(sha256: &[u8]) -> String {
    hex::encode(sha256).chars().take(16).collect()
}
