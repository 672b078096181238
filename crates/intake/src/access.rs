//! The partners whose folders can be reached, each with its login.

use crate::sftp::{Error, Limits, Login, Session};
use domain::PartnerId;
use domain::partner::{FileFormat, Partner, Partners, Products, Sftp};
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
    secret: String,
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

/// The partners with an `sftp` and a `file` section. `secret` gives a secret by name and remembers
/// those that are missing; a partner whose secret is missing is left out.
pub fn accounts(
    partners: &Partners,
    mut secret: impl FnMut(&str) -> Option<String>,
) -> Vec<Account> {
    let mut accounts = Vec::new();
    for (partner, settings) in partners {
        let (Some(sftp), Some(format)) = (&settings.sftp, &settings.file) else { continue };
        let name = sftp.private_key_secret.as_ref().or(sftp.password_secret.as_ref());
        let Some(secret) = name.and_then(|name| secret(name)) else { continue };
        accounts.push(Account {
            partner: partner.clone(),
            settings: settings.clone(),
            sftp: sftp.clone(),
            format: format.clone(),
            products: None,
            secret,
        });
    }
    accounts
}
