//! What every request sees.

use std::sync::Arc;

use super::background::Background;
use super::proxy::Proxy;
use crate::site::{Deployments, Registry};

/// What every request sees.
#[derive(Clone)]
pub(super) struct Face {
    pub(super) registry: Arc<Registry>,
    /// Where functions are deployed, if they are.
    pub(super) deployments: Option<Arc<Deployments>>,
    pub(super) proxy: Proxy,
    pub(super) background: Background,
}
