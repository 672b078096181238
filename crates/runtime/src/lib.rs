#![doc = include_str!("../README.md")]

mod call;
mod connection;
pub mod door;
pub mod env;
pub mod events;
mod function;
mod inbound;
mod metrics;
pub mod problem;
mod run;
mod secret;
mod server;
mod settings;
mod shell;

/// glibc's allocator took a quarter of a busy function's time, and musl's takes more. Without huge
/// pages (`no_thp`): they made an idle function five times as large.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub use door::{Caller, Door, Routes, Tokens};
pub use env::{Env, EnvError, SECRETS_DIR, SettingProblem};
pub use function::{Function, Stop};
pub use problem::{FieldError, PROBLEM_JSON, Problem};
pub use run::{BuildError, run};
pub use secret::Secret;
pub use server::{ServeError, Server, serve};
pub use settings::ServerSettings;
