//! The functions in this program.

use runtime::{BuildError, Env, Function};

/// Their names in `stack.yml`, in alphabetical order.
pub(crate) const NAMES: [&str; 5] =
    ["daily-checker", "file-transformer", "order-ingest", "order-processor", "status-checker"];

/// The function of this name, if there is one.
pub(crate) fn find(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

/// Builds a function of [`NAMES`].
pub(crate) async fn build(name: &'static str, env: &mut Env) -> Result<Function, BuildError> {
    match name {
        "daily-checker" => Box::pin(daily_checker::build(env)).await,
        "file-transformer" => Box::pin(file_transformer::build(env)).await,
        "order-ingest" => Box::pin(order_ingest::build(env)).await,
        "order-processor" => Box::pin(order_processor::build(env)).await,
        "status-checker" => Box::pin(status_checker::build(env)).await,
        _ => {
            env.problem("function", format!("{name:?} is not in this program"));
            env.finish(|| None).map_err(BuildError::from)
        }
    }
}
