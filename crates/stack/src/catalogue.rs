//! The functions in this program.

use runtime::{BuildError, Env, Function, Memory};

/// Their names in `stack.yml`, in alphabetical order.
pub const NAMES: [&str; 5] =
    ["daily-checker", "file-transformer", "order-ingest", "order-processor", "status-checker"];

/// The function of this name, if there is one.
pub fn find(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

/// What a function of [`NAMES`] takes of its memory beside the bodies of requests.
pub fn memory(name: &str) -> Option<Memory> {
    match name {
        "daily-checker" => Some(daily_checker::MEMORY),
        "file-transformer" => Some(file_transformer::MEMORY),
        "order-ingest" => Some(order_ingest::MEMORY),
        "order-processor" => Some(order_processor::MEMORY),
        "status-checker" => Some(status_checker::MEMORY),
        _ => None,
    }
}

/// Builds a function of [`NAMES`].
pub async fn build(name: &'static str, env: &mut Env) -> Result<Function, BuildError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{quantity, yml};
    use connector::annotations::{self, Mode};

    #[test]
    fn every_function_stays_within_the_memory_of_its_pod() {
        let stack = yml::parse(yml::BUILT_IN, "built-in", |_| None).unwrap();
        let connections = runtime::ServerSettings::default().connections_max.get();
        for (name, function) in &stack.functions {
            let limit = quantity::bytes(&function.limits["memory"]).unwrap();
            let bodies = memory(name).unwrap().bodies(limit, connections);
            assert!(!bodies.is_short && bodies.most <= limit, "{name}: {bodies:?} in {limit}");
            for subscription in annotations::parse(name, &function.annotations).unwrap() {
                let calls = match subscription.mode {
                    Mode::Unordered { max_inflight, .. } => max_inflight,
                    Mode::Ordered => 1,
                };
                let together = u64::try_from(calls * subscription.batch_bytes).unwrap();
                assert!(together <= bodies.connector, "{name}: {together} of {bodies:?}");
            }
        }
    }
}
