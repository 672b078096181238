//! The functions in this program.

use chassis::Operation;
use messaging::rights::Rights;
use runtime::{BuildError, Env, Function, Memory};

macro_rules! functions {
    ($($name:literal $function:ident,)*) => {
        /// Their names in `stack.yml`, in alphabetical order.
        pub const NAMES: [&str; [$($name),*].len()] = [$($name),*];

        /// What a function of [`NAMES`] takes of its memory beside the bodies of requests.
        pub fn memory(name: &str) -> Option<Memory> {
            match name {
                $($name => Some($function::MEMORY),)*
                _ => None,
            }
        }

        /// What a function of [`NAMES`] does at NATS.
        pub fn rights(name: &str) -> Option<Rights> {
            match name {
                $($name => Some($function::RIGHTS),)*
                _ => None,
            }
        }

        /// The routes of all functions, for the documents.
        pub fn operations() -> Vec<(&'static str, Vec<Operation>)> {
            vec![$(($name, $function::operations())),*]
        }

        /// Builds a function of [`NAMES`].
        ///
        /// # Errors
        /// It cannot be built, or there is none of this name.
        pub async fn build(name: &'static str, env: &mut Env) -> Result<Function, BuildError> {
            match name {
                $($name => Box::pin($function::build(env)).await,)*
                _ => {
                    env.problem("function", format!("{name:?} is not in this program"));
                    env.finish(|| None).map_err(BuildError::from)
                }
            }
        }
    };
}

functions! {
    "analytics" analytics,
    "billing" billing,
    "customers" customers,
    "daily-checker" daily_checker,
    "file-transformer" file_transformer,
    "inventory" inventory,
    "notifier" notifier,
    "order-ingest" order_ingest,
    "order-processor" order_processor,
    "status-checker" status_checker,
    "webhooks" webhooks,
}

/// The function of this name, if there is one.
pub fn find(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
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
