#![doc = include_str!("../README.md")]

pub mod body;
mod call;
mod connection;
pub mod door;
pub mod doorman;
pub mod env;
pub mod events;
mod function;
mod gate;
mod grant;
mod heavy;
mod inbound;
mod memory;
mod metrics;
mod opened;
pub mod problem;
mod routes;
mod run;
mod secret;
mod server;
mod settings;
mod shell;
mod sparing;
mod tokens;

/// glibc's allocator took a quarter of a busy function's time, and musl's takes more. Huge pages are
/// disabled (`no_thp`): they made an idle function five times as large.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use door::{Actor, Caller, Door, Owner};
pub use env::{Env, EnvError, SECRETS_DIR, SettingProblem};
pub use function::{Function, Stop};
pub use grant::{Directory, Found, Grant};
pub use heavy::heavy;
pub use memory::{Bodies, MEMORY_DEFAULT, Memory};
pub use problem::{FieldError, PROBLEM_JSON, Problem};
pub use routes::{Entrance, Routes};
pub use run::{BuildError, LOGS, run};
pub use secret::Secret;
pub use server::{ServeError, Server, serve};
pub use settings::ServerSettings;
pub use tokens::Tokens;
