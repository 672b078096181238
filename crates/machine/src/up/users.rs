//! The users of the nats-server that `up` starts: those of a cluster, with passwords from the folder of secrets.

use anyhow::Result;
use stack::{Stack, users};

use crate::dir::DataDir;

/// The block of nats-server's configuration. All users are in the account that a server without users has,
/// so that streams of earlier releases are found.
pub(super) fn authorization(dir: &DataDir, stack: &Stack) -> Result<String> {
    let mut list = users::list(stack);
    for user in users::names(stack) {
        let password = serde_json::Value::from(dir.secret(&users::secret(user))?);
        list = list.replace(&format!("${}", users::variable(user)), &password.to_string());
    }
    Ok(format!("authorization {{\n  users: [\n{list}  ]\n}}\n"))
}

/// `url` with the login of a user. Passwords are made of digits and letters.
pub(super) fn login(dir: &DataDir, url: &str, user: &str) -> Result<String> {
    let password = dir.secret(&users::secret(user))?;
    Ok(url.replacen("://", &format!("://{user}:{password}@"), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_has_its_own_password_and_no_variable_is_left() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        let stack = stack::built_in();
        crate::up::secrets::ensure(&dir, &stack).unwrap();
        let text = authorization(&dir, &stack).unwrap();
        assert!(!text.contains("_PASSWORD"), "{text}");
        let password = dir.secret("nats-order-ingest").unwrap();
        assert_eq!(text.matches(&password).count(), 1);
        assert!(text.contains(&format!("user: order-ingest, password: \"{password}\"")), "{text}");
        let url = login(&dir, "nats://127.0.0.1:4222", users::ADMIN).unwrap();
        let password = dir.secret("nats-setup").unwrap();
        assert_eq!(url, format!("nats://setup:{password}@127.0.0.1:4222"));
    }
}
