//! The partners whose folders can be reached, each with its login.

use crate::sftp::{Error, Limits, Login, Session};
use domain::PartnerId;
use domain::partner::{Decrypt, FileFormat, Partner, Partners, Products, Sftp};
use std::fmt;
use std::sync::Arc;

/// A partner that drops files: its configuration and what proves who we are.
#[derive(Clone)]
pub struct Account {
    /// The partner.
    pub partner: PartnerId,
    /// All of its configuration.
    pub settings: Partner,
    /// Where its folder is.
    pub sftp: Sftp,
    /// How its files look.
    pub format: FileFormat,
    /// Its tables, if it has any, for who reads them.
    pub products: Option<Arc<Products>>,
    /// What opens its encrypted files, for who reads them.
    pub keys: Option<Arc<Keys>>,
    secret: String,
}

/// The texts of the secrets that `file.decrypt` names.
#[derive(Clone)]
pub struct Keys {
    /// Private keys, armoured.
    pub private_key: String,
    /// The passphrase of these keys, if they have one.
    pub passphrase: Option<String>,
    /// Public keys of which one must have signed a file, armoured.
    pub signer_key: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Those that `decrypt` names, if none is missing. `secret` gives a secret by name and remembers
    /// those that are missing.
    pub fn read(decrypt: &Decrypt, mut secret: impl FnMut(&str) -> Option<String>) -> Option<Self> {
        let Decrypt { private_key_secret, passphrase_secret, signer_key_secret, .. } = decrypt;
        let names =
            [Some(private_key_secret), passphrase_secret.as_ref(), signer_key_secret.as_ref()];
        let found = names.map(|name| name.map(|name| secret(name)));
        if found.contains(&Some(None)) {
            return None;
        }
        let [private_key, passphrase, signer_key] = found.map(Option::flatten);
        Some(Self { private_key: private_key?, passphrase, signer_key })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("partner", &self.partner).finish_non_exhaustive()
    }
}

impl Account {
    /// Connects, checks the host key and logs in. Blocks: call it off the async threads.
    ///
    /// # Errors
    /// The server does not answer, is another one, or does not take the login.
    pub fn connect(&self) -> Result<Session, Error> {
        let login = match self.sftp.private_key_secret {
            Some(_) => Login::PrivateKey(&self.secret),
            None => Login::Password(&self.secret),
        };
        Session::connect(&self.sftp, login, Limits::default())
    }
}

/// The partners with an `sftp` and a `file` section, with what opens encrypted files for who reads them.
///
/// `secret` gives a secret by name and remembers those that are missing; a partner of whose secrets one
/// is missing is left out.
pub fn accounts(
    partners: &Partners,
    reads_files: bool,
    mut secret: impl FnMut(&str) -> Option<String>,
) -> Vec<Account> {
    let mut accounts = Vec::new();
    for (partner, settings) in partners {
        let (Some(sftp), Some(format)) = (&settings.sftp, &settings.file) else { continue };
        let name = sftp.private_key_secret.as_ref().or(sftp.password_secret.as_ref());
        let login = name.and_then(|name| secret(name));
        let decrypt = format.decrypt.as_ref().filter(|_| reads_files);
        // All are asked for, so that all that are missing are said.
        let keys = decrypt.map(|decrypt| Keys::read(decrypt, &mut secret));
        let (Some(secret), None | Some(Some(_))) = (login, &keys) else { continue };
        accounts.push(Account {
            partner: partner.clone(),
            settings: settings.clone(),
            sftp: sftp.clone(),
            format: format.clone(),
            products: None,
            keys: keys.flatten().map(Arc::new),
            secret,
        });
    }
    accounts
}
