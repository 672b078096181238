//! What runs on this machine: which functions there are, where each of them is, and what keeps it
//! running. The gateway's face and `up` both stand on it, and it knows neither.

mod deployments;
mod outside;
mod prometheus;
mod registry;
mod state;
mod supervise;

pub(crate) use deployments::{DeployError, Deployments};
pub use outside::EXIT_WITH_STDIN;
pub(crate) use outside::{process, tell_when_listening};
pub(crate) use prometheus::settings as prometheus;
pub(crate) use registry::{Entry, NAMESPACE, Registry, function_of};
pub(crate) use state::Site;
pub(crate) use supervise::{Pauses, keep};
