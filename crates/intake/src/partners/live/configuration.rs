//! What is known of the partners at one moment.

use crate::access::Account;
use crate::partners::{Problem, Sold};
use domain::PartnerId;
use domain::partner::Partners;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Gives a secret by name, or why there is none.
pub type Secrets = Box<dyn Fn(&str) -> Result<String, String> + Send>;

/// What else a reader of files wants of a configuration: everything that is wrong. Partners whose secrets
/// are missing have no account.
pub type Check = fn(&Configuration) -> Vec<Problem>;

/// The configuration as it stands: partners, and the logins of those that have a folder.
#[derive(Debug, Default)]
pub struct Configuration {
    /// All partners.
    pub partners: Partners,
    /// Who sells, and with which tax.
    pub sold: Sold,
    /// Those that drop files.
    pub accounts: BTreeMap<PartnerId, Arc<Account>>,
    /// SHA-256 of the file, the first 16 hexadecimal digits.
    pub digest: String,
    /// SHA-256 of the file, and of all secrets and tables in use.
    pub(super) seen: [u8; 32],
}
