//! What Prometheus has to see: rules that record one series for each part, and for each subject that a function is
//! called with. An alert can then notice a part that is not scraped at all.

use connector::annotations;
use serde_json::{Value, json};

use crate::{Stack, users};

/// A file of rules. Labels are those under which parts are scraped (`part`), and those of the connector's metrics.
pub fn rules(stack: &Stack) -> Value {
    let record =
        |name: &str, labels: Value| json!({"record": name, "expr": "vector(1)", "labels": labels});
    let parts = std::iter::once(users::CONNECTOR).chain(stack.functions.keys().map(String::as_str));
    let parts = parts.map(|part| record("orderflow:part:expected", json!({"part": part})));
    // What is wrong with annotations is said by lint and by the connector.
    let subscriptions = stack.functions.iter().flat_map(|(name, function)| {
        annotations::parse(name, &function.annotations).unwrap_or_default()
    });
    let subscriptions = subscriptions.map(|one| {
        record(
            "orderflow:subscription:expected",
            json!({"function": one.function, "filter": one.filter}),
        )
    });
    let rules: Vec<Value> = parts.chain(subscriptions).collect();
    json!({"groups": [{"name": "orderflow-expected", "rules": rules}]})
}
