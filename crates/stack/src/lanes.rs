//! Warehouses of partners that no lane of order-processor reads: their orders are accepted and never
//! decided.

use std::collections::{BTreeMap, BTreeSet};

use connector::annotations;
use domain::partner::Partners;
use domain::{PartnerId, WarehouseId};
use messaging::subject;

use crate::yml::Stack;

/// A running `up` keeps the stack that it was started with.
pub const START_AGAIN: &str =
    "then start `orderflow up` again (what faas-cli deployed: deploy it again)";

/// Warehouses of `partners` that `filters` do not read, with the partners.
pub fn unread<'a>(
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
pub fn wrong(warehouse: &WarehouseId, partners: &[&PartnerId]) -> String {
    let names: Vec<&str> = partners.iter().map(|name| name.as_str()).collect();
    format!(
        "no lane for warehouse {warehouse} of {}: orders for it are accepted and never decided",
        names.join(", ")
    )
}

/// The subjects that order-processor is given in a stack. Nothing where there is no order-processor, or
/// its annotations cannot be read: that is another fault.
pub fn filters(stack: &Stack) -> Option<BTreeSet<String>> {
    let processor = stack.functions.get(order_processor::NAME)?;
    let subscriptions = annotations::parse(order_processor::NAME, &processor.annotations).ok()?;
    Some(subscriptions.into_iter().map(|subscription| subscription.filter).collect())
}

/// A line for each warehouse that nothing of `filters` reads.
pub fn notes(partners: &Partners, filters: &BTreeSet<String>) -> Vec<String> {
    let unread = unread(partners, filters);
    let note = |(warehouse, names): (&WarehouseId, &Vec<&PartnerId>)| {
        let wrong = wrong(warehouse, names);
        format!(
            "{wrong}; add {warehouse} to orderflow.lanes of order-processor in stack.yml, {START_AGAIN}"
        )
    };
    unread.iter().map(|(warehouse, names)| note((*warehouse, names))).collect()
}
