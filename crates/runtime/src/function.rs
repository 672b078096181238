//! A function before it is served.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::{Extension, Router};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::memory::Memory;
use crate::problem::Problem;
use crate::routes::Routes;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(crate) type Probe = Arc<dyn Fn() -> BoxFuture<Result<(), String>> + Send + Sync>;
type Task = Box<dyn FnOnce(Stop) -> BoxFuture<()> + Send>;

/// A function, ready to be served. Every function crate has a
/// `pub async fn build(env: &mut Env) -> Result<Function, BuildError>` that makes one.
pub struct Function {
    pub(crate) name: &'static str,
    pub(crate) routes: Routes,
    pub(crate) ready: Probe,
    pub(crate) registry: Registry,
    pub(crate) background: Vec<(&'static str, Task)>,
    pub(crate) memory: Memory,
}

impl Function {
    /// A function that answers at `routes`, is always ready and does nothing in the background.
    pub fn new(name: &'static str, routes: Routes) -> Self {
        Self {
            name,
            routes,
            ready: Arc::new(|| Box::pin(async { Ok(()) })),
            registry: Registry::default(),
            background: Vec::new(),
            memory: Memory::default(),
        }
    }

    /// Its name in `stack.yml`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its routes with their doors, but without the shell: for tests that need no port.
    pub fn into_router(self) -> Router {
        // The shell disables axum's limit as well, because its own limit applies to every body.
        let unlimited = DefaultBodyLimit::disable();
        self.routes.into_router().layer(unlimited).layer(Extension(Stop::never()))
    }

    /// The check behind `/_/ready`: do the services that this function needs answer? Callers see the
    /// reason.
    #[must_use]
    pub fn ready<P, F>(mut self, probe: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.ready = Arc::new(move || Box::pin(probe()));
        self
    }

    /// How much memory it uses besides the bodies of requests; the rest is for bodies.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// The function's own metrics, served together with those of the shell.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Runs `task` while the function is served. It should end soon after [`Stop::requested`].
    /// If it panics the function is shut down with an error.
    #[must_use]
    pub fn background<T, F>(mut self, name: &'static str, task: T) -> Self
    where
        T: FnOnce(Stop) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.background.push((name, Box::new(move |stop| Box::pin(task(stop)))));
        self
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Phase {
    Running,
    Draining,
    Stopping,
}

/// Tells tasks when to stop. Background tasks get it as an argument; handlers can use it as an
/// extractor.
#[derive(Debug, Clone)]
pub struct Stop {
    phase: watch::Receiver<Phase>,
    /// The sender of [`Stop::never`]: without it, waiting would end immediately.
    _alive: Option<Arc<watch::Sender<Phase>>>,
}

impl Stop {
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, phase) = watch::channel(Phase::Running);
        (sender, Self { phase, _alive: None })
    }

    /// For tests: never resolves.
    pub fn never() -> Self {
        let (sender, stop) = Self::new();
        Self { _alive: Some(Arc::new(sender)), ..stop }
    }

    /// Resolves when the function is asked to end. It still answers requests: those in progress should
    /// finish, and background tasks that serve them should continue.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Resolves when no requests are left (or the wait for them is over) and background tasks must end.
    pub async fn requested(&self) {
        self.reached(Phase::Stopping).await;
    }

    /// Whether the function was asked to end.
    pub fn is_draining(&self) -> bool {
        Phase::Draining <= *self.phase.borrow()
    }

    async fn reached(&self, phase: Phase) {
        // An error means that the server was dropped; then everything should end, too.
        drop(self.phase.clone().wait_for(|now| phase <= *now).await);
    }
}

impl<S: Sync> FromRequestParts<S> for Stop {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(Problem::internal)
    }
}
