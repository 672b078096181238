//! Warehouses of partners that no lane of order-processor reads: their orders are accepted and never
//! decided.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use connector::annotations;
use domain::partner::Partners;
use domain::{PartnerId, WarehouseId};
use messaging::subject;

use crate::args::Source;
use crate::stack::{self, Stack};
use crate::{output, up};

/// A running `up` keeps the stack that it was started with.
pub(crate) const START_AGAIN: &str =
    "then start `orderflow up` again (what faas-cli deployed: deploy it again)";

/// Warehouses of `partners` that `filters` do not read, with the partners.
pub(crate) fn unread<'a>(
    partners: &'a Partners,
    filters: &BTreeSet<String>,
) -> BTreeMap<&'a WarehouseId, Vec<&'a PartnerId>> {
    let mut unread: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, partner) in partners {
        if !filters.contains(&subject::placed(&partner.warehouse)) {
            unread.entry(&partner.warehouse).or_default().push(name);
        }
    }
    unread
}

/// What is wrong with that, of one warehouse.
pub(crate) fn wrong(warehouse: &WarehouseId, partners: &[&PartnerId]) -> String {
    let names: Vec<&str> = partners.iter().map(|name| name.as_str()).collect();
    format!(
        "no lane for warehouse {warehouse} of {}: orders for it are accepted and never decided",
        names.join(", ")
    )
}

/// The subjects that order-processor is given in a stack. Nothing where there is no order-processor, or
/// its annotations cannot be read: that is another fault.
pub(crate) fn filters(stack: &Stack) -> Option<BTreeSet<String>> {
    let processor = stack.functions.get(order_processor::NAME)?;
    let subscriptions = annotations::parse(order_processor::NAME, &processor.annotations).ok()?;
    Some(subscriptions.into_iter().map(|subscription| subscription.filter).collect())
}

/// A line for each warehouse that nothing of `filters` reads.
pub(crate) fn notes(partners: &Partners, filters: &BTreeSet<String>) -> Vec<String> {
    let unread = unread(partners, filters);
    let note = |(warehouse, names): (&WarehouseId, &Vec<&PartnerId>)| {
        let wrong = wrong(warehouse, names);
        format!(
            "{wrong}; add {warehouse} to orderflow.lanes of order-processor in stack.yml, {START_AGAIN}"
        )
    };
    unread.iter().map(|(warehouse, names)| note((*warehouse, names))).collect()
}

/// Warns of such warehouses, by the stack.yml beside the partners, else the built-in one.
pub(crate) fn warn(source: &Source) {
    let path = source.path.clone().unwrap_or_else(|| PathBuf::from("partners.yml"));
    let given = path.is_file().then_some(path.as_path());
    let beside = path.parent().unwrap_or(Path::new("")).join("stack.yml");
    let text = std::fs::read_to_string(&beside).unwrap_or_else(|_| stack::BUILT_IN.to_owned());
    let partners = match given {
        Some(path) => intake::partners::configured(Some(path), drop),
        None => intake::partners::load(up::partners::BUILT_IN).unwrap_or_default(),
    };
    // What else is wrong with the stack is for `orderflow lint`.
    let mut env = runtime::Env::from_process();
    let stack = stack::parse(&text, "stack.yml", |name| env.optional::<String>(name));
    let filters = stack.ok().and_then(|stack| filters(&stack));
    for note in filters.iter().flat_map(|filters| notes(&partners, filters)) {
        output::note(format_args!("warning: {note}"));
    }
}
