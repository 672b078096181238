//! Which function is asked about stock.

use machine::client::Pipeline;

/// `inventory`, or order-processor where it is not known to be deployed: that one answers what it did before for one
/// more release.
pub(super) fn function(pipeline: &Pipeline) -> &'static str {
    let run = &pipeline.run;
    let has = |name: &str| run.processes.contains_key(name) || run.functions.contains_key(name);
    if has("inventory") { "inventory" } else { "order-processor" }
}
