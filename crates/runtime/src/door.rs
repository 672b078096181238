//! Doors: which tokens may call a route.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::grant::Grant;
use crate::problem::Problem;

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
    /// 401: the token was valid until then.
    #[error("the token {name} expired at {at}; make a new one: orderflow tokens add")]
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
}
