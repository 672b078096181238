//! Whose token a request has.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};

use crate::door::{
    ADMIN_TOKEN, CONNECTOR_TOKEN, Caller, Door, ORDERS_TOKEN, Owner, PARTNER_TOKENS, READ_TOKEN,
};
use crate::env::Env;
use crate::grant::{Directory, Found, Grant};
use crate::secret::Secret;

/// The tokens that this function knows. A door without a token stays closed.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    known: Arc<Known>,
    directory: Option<Arc<dyn Directory>>,
}

/// What the token of a request is.
#[derive(Debug)]
pub(crate) enum Identity {
    /// A secret of the function, or nothing that is known.
    Secret(Caller, Owner),
    /// A token of the directory.
    Granted(Grant),
    /// One that has expired.
    Expired { name: Arc<str>, at: String },
    /// The directory has not been read yet.
    Unread,
}

#[derive(Debug, Default)]
struct Known {
    connector: Option<Secret>,
    orders: Option<Secret>,
    read: Option<Secret>,
    admin: Option<Secret>,
    partners: Vec<(Arc<str>, Secret)>,
}

impl Tokens {
    /// Reads the tokens for `doors`. A missing token is a problem of `env`, except for `Orders`, which
    /// also accepts the admin token. For `Read`, the admin token is read if it exists.
    pub fn from_env(env: &mut Env, doors: &[Door]) -> Self {
        Self::from_env_with(env, doors, &[])
    }

    /// Like [`Tokens::from_env`], but the tokens for the doors in `or_without` may be missing.
    pub fn from_env_with(env: &mut Env, doors: &[Door], or_without: &[Door]) -> Self {
        // Also reads tokens of other doors if their files exist, as with `orderflow up`: a caller with
        // such a token is then told 403 (not allowed) instead of 401 (unknown). An installation mounts
        // only the tokens that the function lists.
        let others = env.secrets();
        let other = |name: &str| others(name).ok();
        let has = |list: &[Door], door: Door| list.contains(&door) || list.contains(&door.own());
        let needs = |door| has(doors, door);
        let takes = |door| needs(door) || has(or_without, door);
        let mut read = |door, name| match (needs(door), takes(door)) {
            (true, _) => env.secret(name),
            (false, true) => env.optional_secret(name),
            (false, false) => other(name),
        };
        let (connector, people) =
            (read(Door::Connector, CONNECTOR_TOKEN), read(Door::Read, READ_TOKEN));
        let mut admin = read(Door::Admin, ADMIN_TOKEN);
        if takes(Door::Read) && !takes(Door::Admin) {
            admin = env.optional_secret(ADMIN_TOKEN);
        }
        let orders = match takes(Door::Orders) {
            true => env.optional_secret(ORDERS_TOKEN),
            false => other(ORDERS_TOKEN),
        };
        let partners =
            match doors.iter().any(|door| matches!(door, Door::ReadOwn | Door::ChangeOwn)) {
                true => env.secrets_named(PARTNER_TOKENS),
                false => Vec::new(),
            };
        let partners = partners.into_iter().map(|(name, secret)| (name.into(), secret)).collect();
        let known = Arc::new(Known { connector, orders, read: people, admin, partners });
        Self { known, directory: None }
    }

    /// Tokens that are no secrets of the function are looked up in `directory`.
    #[must_use]
    pub fn with_directory(self, directory: Arc<dyn Directory>) -> Self {
        Self { directory: Some(directory), ..self }
    }

    /// What the token of a request with these headers is.
    pub(crate) fn identify(&self, headers: &HeaderMap) -> Identity {
        let secret = |caller| Identity::Secret(caller, Owner::default());
        let Some(given) = headers.get(header::AUTHORIZATION) else { return secret(Caller::Anyone) };
        let Some(token) = bearer(given) else { return secret(Caller::Stranger) };
        // Lowest level first: a token that was assigned to two levels by mistake gets only the lower
        // one.
        let partner = self.known.partners.iter().find(|(_, secret)| secret.matches(token));
        if let Some((partner, _)) = partner {
            return Identity::Secret(Caller::Partner, Owner(Some(Arc::clone(partner))));
        }
        match self.of_operator(token) {
            Caller::Stranger => self.of_directory(token),
            caller => secret(caller),
        }
    }

    fn of_directory(&self, token: &[u8]) -> Identity {
        match self.directory.as_ref().and_then(|directory| directory.find(token)) {
            Some(Found::Grant(grant)) => Identity::Granted(grant),
            Some(Found::Expired { name, at }) => Identity::Expired { name, at },
            Some(Found::Unread) => Identity::Unread,
            None => Identity::Secret(Caller::Stranger, Owner::default()),
        }
    }

    fn of_operator(&self, token: &[u8]) -> Caller {
        let is = |secret: &Option<Secret>| secret.as_ref().is_some_and(|own| own.matches(token));
        if is(&self.known.connector) {
            Caller::Connector
        } else if is(&self.known.orders) {
            Caller::Orders
        } else if is(&self.known.read) {
            Caller::Read
        } else if is(&self.known.admin) {
            Caller::Admin
        } else {
            Caller::Stranger
        }
    }
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::Refused;

    fn caller(authorization: &str) -> Caller {
        let mut env = Env::from_pairs([("", ""); 0])
            .with_secret(CONNECTOR_TOKEN, "c")
            .with_secret(ORDERS_TOKEN, "o")
            .with_secret(READ_TOKEN, "r")
            .with_secret(ADMIN_TOKEN, "a")
            .with_secret("api-token-partner-US1", "u");
        let doors = [Door::Connector, Door::Orders, Door::ReadOwn, Door::ChangeOwn];
        let tokens = Tokens::from_env(&mut env, &doors);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        of_secret(&tokens, &headers).0
    }

    fn of_secret(tokens: &Tokens, headers: &HeaderMap) -> (Caller, Owner) {
        match tokens.identify(headers) {
            Identity::Secret(caller, owner) => (caller, owner),
            other => panic!("no directory, and yet {other:?}"),
        }
    }

    #[test]
    fn a_token_identifies_the_caller() {
        assert_eq!(caller("Bearer c"), Caller::Connector);
        assert_eq!(caller("Bearer u"), Caller::Partner);
        assert_eq!(caller("Bearer o"), Caller::Orders);
        assert_eq!(caller("bearer r"), Caller::Read);
        assert_eq!(caller("BEARER  a "), Caller::Admin);
        for stranger in ["", "Bearer", "Bearer ", "Bearer x", "c", "Basic c", "Bearer c c"] {
            assert_eq!(caller(stranger), Caller::Stranger, "{stranger:?}");
        }
    }

    #[test]
    fn a_partners_token_is_its_own_and_is_read_only_where_a_route_takes_it() {
        let owner = |doors: &[Door]| {
            let mut env = Env::from_pairs([("", ""); 0])
                .with_secret(READ_TOKEN, "r")
                .with_secret("api-token-partner-US1", "u")
                .with_secret("api-token-partner-US2", "v");
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, "Bearer v".parse().unwrap());
            of_secret(&Tokens::from_env(&mut env, doors), &headers)
        };
        let us2 = (Caller::Partner, Owner(Some("US2".into())));
        assert_eq!(owner(&[Door::ReadOwn]), us2);
        assert_eq!(owner(&[Door::Read]), (Caller::Stranger, Owner::default()));
    }

    #[test]
    fn tokens_of_other_doors_are_known_if_their_files_exist() {
        let mut env = Env::from_pairs([("", ""); 0])
            .with_secret(ORDERS_TOKEN, "o")
            .with_secret(READ_TOKEN, "r");
        let tokens = Tokens::from_env(&mut env, &[Door::Orders]);
        let asked: Vec<&str> = env.asked().filter(|name| name.starts_with("secret")).collect();
        assert_eq!(asked, ["secret api-token-orders"], "a function lists only what it needs");
        let refused = |token: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            of_secret(&tokens, &headers).0.enter(Door::Orders).err()
        };
        assert_eq!(refused("o"), None);
        assert_eq!(refused("r"), Some(Refused::WrongLevel(Door::Orders)));
        assert_eq!(refused("x"), Some(Refused::UnknownToken(Door::Orders)));
    }

    #[test]
    fn a_door_whose_token_is_not_configured_stays_closed() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer ".parse().unwrap());
        assert_eq!(of_secret(&Tokens::default(), &headers).0, Caller::Stranger);
    }

    #[test]
    fn the_tokens_of_declared_doors_must_be_there() {
        let mut env = Env::from_pairs([("ORDERFLOW_SECRETS_DIR", "/nonexistent")]);
        let doors = [Door::Open, Door::Connector, Door::Orders, Door::Read];
        Tokens::from_env_with(&mut env, &doors, &[Door::Admin]);
        let names = env.finish(|| Some(())).unwrap_err().problems;
        let names: Vec<_> = names.iter().map(|problem| problem.name.as_str()).collect();
        assert_eq!(names, ["secret connector-token", "secret api-token-read"]);
    }
}
