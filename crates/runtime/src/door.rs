//! Doors: which tokens may call a route.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::env::Env;
use crate::grant::{Directory, Found, Grant};
use crate::problem::Problem;
use crate::secret::Secret;

/// The secret of the connector, which delivers events.
pub const CONNECTOR_TOKEN: &str = "connector-token";
/// The secret that may place orders and nothing else. A function starts without it; then only the admin
/// token may place orders.
pub const ORDERS_TOKEN: &str = "api-token-orders";
/// The secret for everything that people may read.
pub const READ_TOKEN: &str = "api-token-read";
/// The secret for everything that people may do.
pub const ADMIN_TOKEN: &str = "api-token-admin";

/// Prefix of the secrets with tokens of partners, followed by the partner's name. On routes with data
/// of partners, such a token gives access to that partner's data.
pub const PARTNER_TOKENS: &str = "api-token-partner-";

/// The token that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// No token. The handler may still check [`Caller`].
    Open,
    /// `connector-token`: batches of events.
    Connector,
    /// `api-token-orders` or `api-token-admin`: for shops that place orders.
    Orders,
    /// `api-token-read` or `api-token-admin`: for people who read.
    Read,
    /// `api-token-admin`: for people who change something.
    Admin,
    /// Like `Read`, or the token of a partner: the handler checks [`Owner`].
    ReadOwn,
    /// Like `Admin`, or the token of a partner: the handler checks [`Owner`].
    ChangeOwn,
}

/// The caller, according to the token of the request. An extractor on every route of [`Routes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// No `Authorization` header.
    Anyone,
    /// An `Authorization` header without a known token.
    Stranger,
    /// `connector-token`.
    Connector,
    /// `api-token-partner-<partner>`; [`Owner`] names the partner.
    Partner,
    /// `api-token-orders`.
    Orders,
    /// `api-token-read`.
    Read,
    /// `api-token-admin`.
    Admin,
}

/// The partner whose token the request has; `None` for tokens of the operator, which may access all
/// partners. An extractor on every route of [`Routes`](crate::Routes).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner(pub Option<Arc<str>>);

/// Whose token the request has, to record who changed something: the name of the secret, or of a token that people
/// made (`token NAME`). An extractor on every route of [`Routes`](crate::Routes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(Arc<str>);

impl Actor {
    /// The name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(caller: Caller, owner: &Owner) -> Self {
        match &owner.0 {
            Some(partner) => Self(format!("{PARTNER_TOKENS}{partner}").into()),
            None => Self(caller.secret().into()),
        }
    }

    pub(crate) fn granted(grant: &Grant) -> Self {
        Self(format!("token {}", grant.name).into())
    }
}

/// Why a caller was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 401: no token where one is needed.
    #[error("this needs a bearer token: {}", .0.tokens())]
    NoToken(Door),
    /// 401: the function does not know the token.
    #[error("unknown token; this needs {}", .0.tokens())]
    UnknownToken(Door),
    /// 401: the token was good until then.
    #[error("the token {name} ended on {at}; a new one is made with orderflow tokens add")]
    Expired {
        /// Its name.
        name: Arc<str>,
        /// When, for people.
        at: String,
    },
    /// 403: the token is known, but not accepted here.
    #[error("the token is valid, but not for this; this needs {}", .0.tokens())]
    WrongLevel(Door),
}

impl Door {
    /// The names of the secrets that are accepted.
    pub const fn tokens(self) -> &'static str {
        match self {
            Self::Open => "nothing",
            Self::Connector => CONNECTOR_TOKEN,
            Self::Orders => "api-token-orders or api-token-admin",
            Self::Read => "api-token-read or api-token-admin",
            Self::Admin => ADMIN_TOKEN,
            Self::ReadOwn => "api-token-read, api-token-admin or api-token-partner-PARTNER",
            Self::ChangeOwn => "api-token-admin or api-token-partner-PARTNER",
        }
    }

    /// The same door, but also open to partners for their own data, where that makes sense.
    #[must_use]
    pub const fn own(self) -> Self {
        match self {
            Self::Read | Self::ReadOwn => Self::ReadOwn,
            Self::Admin | Self::ChangeOwn => Self::ChangeOwn,
            Self::Open | Self::Connector | Self::Orders => self,
        }
    }
}

impl Caller {
    /// The name of the caller's secret; for partners without the partner's name.
    const fn secret(self) -> &'static str {
        match self {
            Self::Anyone | Self::Stranger => "nobody",
            Self::Connector => CONNECTOR_TOKEN,
            Self::Partner => PARTNER_TOKENS,
            Self::Orders => ORDERS_TOKEN,
            Self::Read => READ_TOKEN,
            Self::Admin => ADMIN_TOKEN,
        }
    }

    /// Whether the request had a token that this function knows.
    pub fn is_known(self) -> bool {
        !matches!(self, Self::Anyone | Self::Stranger)
    }

    /// Whether this caller may pass `door`.
    ///
    /// # Errors
    /// If the caller may not; a handler can return the error as its answer.
    pub fn enter(self, door: Door) -> Result<(), Refused> {
        match (door, self) {
            (Door::Open, _)
            | (Door::Connector, Self::Connector)
            | (Door::Orders, Self::Orders | Self::Admin)
            | (Door::Read, Self::Read | Self::Admin)
            | (Door::Admin, Self::Admin)
            | (Door::ReadOwn, Self::Partner | Self::Read | Self::Admin)
            | (Door::ChangeOwn, Self::Partner | Self::Admin) => Ok(()),
            (_, Self::Anyone) => Err(Refused::NoToken(door)),
            (_, Self::Stranger) => Err(Refused::UnknownToken(door)),
            (Door::Connector, Self::Partner | Self::Orders | Self::Read | Self::Admin)
            | (Door::Orders, Self::Connector | Self::Partner | Self::Read)
            | (Door::Read, Self::Connector | Self::Partner | Self::Orders)
            | (Door::Admin, Self::Connector | Self::Partner | Self::Orders | Self::Read)
            | (Door::ReadOwn, Self::Connector | Self::Orders)
            | (Door::ChangeOwn, Self::Connector | Self::Orders | Self::Read) => {
                Err(Refused::WrongLevel(door))
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, challenge) = match &self {
            Self::NoToken(_) => (StatusCode::UNAUTHORIZED, "Bearer"),
            Self::UnknownToken(_) | Self::Expired { .. } => {
                (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\"")
            }
            Self::WrongLevel(_) => (StatusCode::FORBIDDEN, "Bearer error=\"insufficient_scope\""),
        };
        let mut response = Problem::new(status).detail(self.to_string()).into_response();
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        response
    }
}

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
    /// One that is over.
    Expired { name: Arc<str>, at: String },
    /// Whether it is one cannot be said yet.
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

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self::Anyone))
    }
}

impl<S: Sync> FromRequestParts<S> for Actor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let actor = parts.extensions.get().cloned();
        Ok(actor.unwrap_or_else(|| Self::of(Caller::Anyone, &Owner::default())))
    }
}

impl<S: Sync> FromRequestParts<S> for Owner {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// The expected refusal for a door.
    type Why = Option<fn(Door) -> Refused>;

    #[test]
    fn every_door_opens_for_its_callers_only() {
        let callers = [
            Caller::Anyone,
            Caller::Stranger,
            Caller::Connector,
            Caller::Partner,
            Caller::Orders,
            Caller::Read,
            Caller::Admin,
        ];
        let check = |door: Door, expected: [Why; 7]| {
            let expected = expected.map(|refused| refused.map(|refused| refused(door)));
            assert_eq!(callers.map(|caller| caller.enter(door).err()), expected, "{door:?}");
        };
        let missing: Why = Some(Refused::NoToken);
        let unknown: Why = Some(Refused::UnknownToken);
        let level: Why = Some(Refused::WrongLevel);
        check(Door::Open, [None; 7]);
        check(Door::Connector, [missing, unknown, None, level, level, level, level]);
        check(Door::Orders, [missing, unknown, level, level, None, level, None]);
        check(Door::Read, [missing, unknown, level, level, level, None, None]);
        check(Door::Admin, [missing, unknown, level, level, level, level, None]);
        check(Door::ReadOwn, [missing, unknown, level, None, level, None, None]);
        check(Door::ChangeOwn, [missing, unknown, level, None, level, level, None]);
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
    fn a_refusal_names_the_token_that_is_needed() {
        for (caller, door, status, expected) in [
            (Caller::Anyone, Door::Read, 401, "needs a bearer token: api-token-read or"),
            (
                Caller::Stranger,
                Door::Orders,
                401,
                "unknown token; this needs api-token-orders or api-token-admin",
            ),
            (Caller::Read, Door::Admin, 403, "valid, but not for this; this needs api-token-admin"),
            (Caller::Admin, Door::Connector, 403, "this needs connector-token"),
        ] {
            let refused = caller.enter(door).unwrap_err();
            assert!(refused.to_string().contains(expected), "{refused}");
            assert_eq!(refused.into_response().status().as_u16(), status, "{caller:?}");
        }
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
