//! Routes. Every route has a door, and doors are closed by default.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;

use crate::door::{Actor, Caller, Door, Owner, Refused};
use crate::gate::Pass;
use crate::opened::Opened;
use crate::problem::Problem;
use crate::tokens::{Identity, Tokens};

/// Largest body of a request that does not come from the connector, unless the route sets another
/// limit.
const BODY_BYTES_MAX: u64 = 64 * 1024;

type Choose = Arc<dyn Fn(Caller, &HeaderMap) -> Door + Send + Sync>;

/// The checks of a route: a door, and the largest body.
#[derive(Clone)]
pub struct Entrance {
    door: Choose,
    opened: Opened,
    body_bytes_max: u64,
}

impl Entrance {
    /// Chooses the door by the caller and the head of the request.
    pub fn by(door: impl Fn(Caller, &HeaderMap) -> Door + Send + Sync + 'static) -> Self {
        Self { door: Arc::new(door), opened: Opened::default(), body_bytes_max: BODY_BYTES_MAX }
    }

    /// The roles of tokens that people make, each with the door that it opens here. `own`: the route keeps a partner
    /// to its own data. Without this such tokens open nothing.
    #[must_use]
    pub fn opened_by(
        mut self,
        roles: impl IntoIterator<Item = (&'static str, Door)>,
        own: bool,
    ) -> Self {
        self.opened = Opened { by: roles.into_iter().collect(), own };
        self
    }

    /// Sets the largest body of a request that does not come from the connector, in bytes; 64 KiB by
    /// default. For the connector, `ORDERFLOW_BODY_BYTES_MAX` applies.
    #[must_use]
    pub fn bodies_up_to(mut self, bytes: u64) -> Self {
        self.body_bytes_max = bytes;
        self
    }
}

impl From<Door> for Entrance {
    fn from(door: Door) -> Self {
        Self::by(move |_, _| door)
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Entrance");
        shown.field("body_bytes_max", &self.body_bytes_max).finish_non_exhaustive()
    }
}

/// The routes of a function. A [`Function`](crate::Function) can only be made from this type, so every
/// route has a door.
#[derive(Debug)]
pub struct Routes<S = ()> {
    tokens: Tokens,
    router: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet: every path is 404.
    pub fn new(tokens: Tokens) -> Self {
        Self { tokens, router: Router::new() }
    }

    /// Adds `methods` at `path` behind a door. A path may have several doors, one per method.
    ///
    /// In a served function, the body of a request is read only after its door accepted the caller,
    /// completely, and before its handler begins.
    ///
    /// # Panics
    /// If `path` is not an axum pattern, or already has one of the methods.
    #[must_use]
    pub fn at(
        mut self,
        entrance: impl Into<Entrance>,
        path: &str,
        methods: MethodRouter<S>,
    ) -> Self {
        let (tokens, entrance) = (self.tokens.clone(), entrance.into());
        let guard = middleware::from_fn(move |request: Request, next: Next| {
            let (tokens, entrance) = (tokens.clone(), entrance.clone());
            async move { pass(&tokens, &entrance, request, next).await }
        });
        self.router = self.router.route(path, methods.route_layer(guard));
        self
    }

    /// Sets the state of the handlers.
    pub fn with_state<T>(self, state: S) -> Routes<T> {
        Routes { tokens: self.tokens, router: self.router.with_state(state) }
    }
}

impl Routes {
    pub(crate) fn into_router(self) -> Router {
        self.router
    }
}

/// Checks the caller first: for refused callers, nothing of the body is read and no place is taken.
async fn pass(tokens: &Tokens, entrance: &Entrance, mut request: Request, next: Next) -> Response {
    let pass = request.extensions_mut().remove::<Pass>();
    let known = |is_known| pass.iter().for_each(|pass| pass.peer.set_known(is_known));
    let (caller, owner, actor) = match tokens.identify(request.headers()) {
        Identity::Secret(caller, owner) => {
            known(caller.is_known());
            let actor = Actor::of(caller, &owner);
            (caller, owner, actor)
        }
        Identity::Granted(grant) => {
            known(true);
            match entrance.opened.to(&grant) {
                Ok(caller) => (caller, Owner(grant.partner.clone()), Actor::granted(&grant)),
                Err(refused) => return refused.into_response(),
            }
        }
        Identity::Unread => {
            known(false);
            let detail = "tokens are not read yet; send the request again in a moment";
            return Problem::unavailable(detail).into_response();
        }
        Identity::Expired { name, at } => {
            known(false);
            return Refused::Expired { name, at }.into_response();
        }
    };
    if let Err(refused) = caller.enter((entrance.door)(caller, request.headers())) {
        return refused.into_response();
    }
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(owner);
    request.extensions_mut().insert(actor);
    // In a test, a router may run without a server around it.
    let Some(pass) = pass else { return next.run(request).await };
    match pass.admit(caller, entrance.body_bytes_max, request).await {
        Ok((request, admitted)) => admitted.answer(next.run(request).await),
        Err(refused) => refused,
    }
}
