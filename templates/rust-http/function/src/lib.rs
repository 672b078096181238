//! The function as it is built and served: health, limits, metrics and an orderly end are the chassis'.

mod handler;

use chassis::runtime::{BuildError, Env, Function, Tokens};

/// Its name in `stack.yml`.
pub const NAME: &str = "handler";

/// Makes the function. One that uses NATS begins with `chassis::Setup`.
///
/// # Errors
/// Settings or tokens are missing; all of them are named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let tokens = Tokens::from_env(env, &handler::api().doors());
    env.finish(|| Some(()))?;
    Ok(Function::new(NAME, handler::api().into_routes(tokens, ())))
}
