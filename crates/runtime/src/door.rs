//! Who may call what: every route has a door, and doors are closed by default.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use crate::env::Env;
use crate::problem::Problem;
use crate::secret::Secret;

/// The secret of whoever brings events.
pub const CONNECTOR_TOKEN: &str = "connector-token";
/// The secret that opens what people may read.
pub const READ_TOKEN: &str = "api-token-read";
/// The secret that opens everything people may do.
pub const ADMIN_TOKEN: &str = "api-token-admin";

/// What a request needs to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Nothing. The handler may still look at [`Caller`].
    Open,
    /// `connector-token`: batches of events.
    Connector,
    /// `api-token-read` or `api-token-admin`: people who look.
    Read,
    /// `api-token-admin`: people who change something.
    Admin,
}

/// Who calls, by the token of the request. An extractor on every route of [`Routes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// No `Authorization` header.
    Anyone,
    /// An `Authorization` header that fits no token.
    Stranger,
    /// `connector-token`.
    Connector,
    /// `api-token-read`.
    Read,
    /// `api-token-admin`.
    Admin,
}

/// A caller who stays outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 401: no token where one is needed.
    #[error("this needs a bearer token")]
    NoToken,
    /// 401: the token fits nothing.
    #[error("the token is not known")]
    UnknownToken,
    /// 403: the token opens other doors.
    #[error("the token does not open this door")]
    WrongLevel,
}

impl Caller {
    /// Whether this caller may come through `door`.
    ///
    /// # Errors
    /// When not; a handler can answer with it as it is.
    pub fn enter(self, door: Door) -> Result<(), Refused> {
        match (door, self) {
            (Door::Open, _)
            | (Door::Connector, Self::Connector)
            | (Door::Read, Self::Read | Self::Admin)
            | (Door::Admin, Self::Admin) => Ok(()),
            (_, Self::Anyone) => Err(Refused::NoToken),
            (_, Self::Stranger) => Err(Refused::UnknownToken),
            (Door::Connector, Self::Read | Self::Admin)
            | (Door::Read | Door::Admin, Self::Connector)
            | (Door::Admin, Self::Read) => Err(Refused::WrongLevel),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, challenge) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Bearer"),
            Self::UnknownToken => (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\""),
            Self::WrongLevel => (StatusCode::FORBIDDEN, "Bearer error=\"insufficient_scope\""),
        };
        let mut response = Problem::new(status).detail(self.to_string()).into_response();
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        response
    }
}

/// The tokens this function knows. A door without a token lets nobody in.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    connector: Option<Secret>,
    read: Option<Secret>,
    admin: Option<Secret>,
}

impl Tokens {
    /// Reads the tokens for `doors`; a missing one is a problem of `env`. For `Read` the admin
    /// token is read as well when it is there.
    pub fn from_env(env: &mut Env, doors: &[Door]) -> Self {
        let mut known = Known::default();
        let needs = |door| doors.contains(&door);
        if needs(Door::Connector) {
            known.connector = env.secret(CONNECTOR_TOKEN);
        }
        if needs(Door::Read) {
            known.read = env.secret(READ_TOKEN);
        }
        if needs(Door::Admin) {
            known.admin = env.secret(ADMIN_TOKEN);
        } else if needs(Door::Read) {
            known.admin = env.optional_secret(ADMIN_TOKEN);
        }
        Self(Arc::new(known))
    }

    /// Who sent a request with these headers.
    pub fn caller(&self, headers: &HeaderMap) -> Caller {
        let Some(given) = headers.get(header::AUTHORIZATION) else { return Caller::Anyone };
        let Some(token) = bearer(given) else { return Caller::Stranger };
        let is = |secret: &Option<Secret>| secret.as_ref().is_some_and(|own| own.matches(token));
        // The lowest level first: a token given to two levels by mistake opens only the lower.
        if is(&self.0.connector) {
            Caller::Connector
        } else if is(&self.0.read) {
            Caller::Read
        } else if is(&self.0.admin) {
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

/// The routes of a function. The only way to fill a [`Function`](crate::Function): so a route
/// without a door cannot be written.
#[derive(Debug)]
pub struct Routes<S = ()> {
    tokens: Tokens,
    router: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet: everything is 404.
    pub fn new(tokens: Tokens) -> Self {
        Self { tokens, router: Router::new() }
    }

    /// Adds `methods` at `path` behind `door`. One path may have several doors, one per method.
    ///
    /// # Panics
    /// When `path` is not a pattern of axum, or the path has one of the methods already.
    #[must_use]
    pub fn at(mut self, door: Door, path: &str, methods: MethodRouter<S>) -> Self {
        let tokens = self.tokens.clone();
        let guard = middleware::from_fn(move |mut request: Request, next: Next| {
            let caller = tokens.caller(request.headers());
            async move {
                if let Err(refused) = caller.enter(door) {
                    return refused.into_response();
                }
                request.extensions_mut().insert(caller);
                next.run(request).await
            }
        });
        self.router = self.router.route(path, methods.route_layer(guard));
        self
    }

    /// Gives the handlers their state.
    pub fn with_state<T>(self, state: S) -> Routes<T> {
        Routes { tokens: self.tokens, router: self.router.with_state(state) }
    }
}

impl Routes {
    pub(crate) fn into_router(self) -> Router {
        self.router
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self::Anyone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(authorization: &str) -> Caller {
        let mut env = Env::from_pairs([("", ""); 0])
            .with_secret(CONNECTOR_TOKEN, "c")
            .with_secret(READ_TOKEN, "r")
            .with_secret(ADMIN_TOKEN, "a");
        let tokens = Tokens::from_env(&mut env, &[Door::Connector, Door::Read, Door::Admin]);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        tokens.caller(&headers)
    }

    #[test]
    fn a_token_says_who_calls() {
        assert_eq!(caller("Bearer c"), Caller::Connector);
        assert_eq!(caller("bearer r"), Caller::Read);
        assert_eq!(caller("BEARER  a "), Caller::Admin);
        for stranger in ["", "Bearer", "Bearer ", "Bearer x", "c", "Basic c", "Bearer c c"] {
            assert_eq!(caller(stranger), Caller::Stranger, "{stranger:?}");
        }
    }

    #[test]
    fn every_door_opens_for_its_callers_only() {
        let callers =
            [Caller::Anyone, Caller::Stranger, Caller::Connector, Caller::Read, Caller::Admin];
        let check = |door: Door, expected: [Option<Refused>; 5]| {
            assert_eq!(callers.map(|caller| caller.enter(door).err()), expected, "{door:?}");
        };
        let (missing, unknown) = (Some(Refused::NoToken), Some(Refused::UnknownToken));
        let level = Some(Refused::WrongLevel);
        check(Door::Open, [None; 5]);
        check(Door::Connector, [missing, unknown, None, level, level]);
        check(Door::Read, [missing, unknown, level, None, None]);
        check(Door::Admin, [missing, unknown, level, level, None]);
    }

    #[test]
    fn a_door_whose_token_is_not_configured_stays_closed() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer ".parse().unwrap());
        assert_eq!(Tokens::default().caller(&headers), Caller::Stranger);
    }

    #[test]
    fn the_tokens_of_declared_doors_must_be_there() {
        let mut env = Env::from_pairs([("ORDERFLOW_SECRETS_DIR", "/nonexistent")]);
        Tokens::from_env(&mut env, &[Door::Open, Door::Connector, Door::Read]);
        let names = env.finish(|| Some(())).unwrap_err().problems;
        let names: Vec<_> = names.iter().map(|problem| problem.name.as_str()).collect();
        assert_eq!(names, ["secret connector-token", "secret api-token-read"]);
    }
}
