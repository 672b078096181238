//! Warehouses of partners that no lane reads: their orders are accepted and never decided, or decided and never
//! invoiced.

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

/// The subjects that order-processor and billing are given in a stack. Nothing where there is no order-processor, or
/// annotations cannot be read: that is another fault.
pub fn filters(stack: &Stack) -> Option<BTreeSet<String>> {
    let of = |name: &str| {
        let function = stack.functions.get(name)?;
        let subscriptions = annotations::parse(name, &function.annotations).ok()?;
        Some(subscriptions.into_iter().map(|subscription| subscription.filter))
    };
    let invoiced = of(billing::NAME).into_iter().flatten();
    Some(of(order_processor::NAME)?.chain(invoiced).collect())
}

/// Warehouses of partners with a seller that billing does not read, with the partners. None where billing is not
/// called at all.
pub fn not_invoiced<'a>(
    partners: &'a Partners,
    filters: &BTreeSet<String>,
) -> BTreeMap<&'a WarehouseId, Vec<&'a PartnerId>> {
    let mut unread: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let is_called = filters.iter().any(|filter| subject::invoice_lane(filter).is_some());
    let sold = partners.iter().filter(|(_, partner)| is_called && partner.seller.is_some());
    for (name, partner) in sold {
        if !filters.contains(&subject::of_warehouse(&partner.warehouse)) {
            unread.entry(&partner.warehouse).or_default().push(name);
        }
    }
    unread
}

/// What is wrong with that, of one warehouse.
pub fn wrong_of_invoices(warehouse: &WarehouseId, partners: &[&PartnerId]) -> String {
    let names: Vec<&str> = partners.iter().map(|name| name.as_str()).collect();
    format!(
        "no lane of billing for warehouse {warehouse} of {}: its orders are decided and never invoiced",
        names.join(", ")
    )
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
    let mut notes: Vec<String> =
        unread.iter().map(|(warehouse, names)| note((*warehouse, names))).collect();
    for (warehouse, names) in not_invoiced(partners, filters) {
        let wrong = wrong_of_invoices(warehouse, &names);
        notes.push(format!(
            "{wrong}; add {warehouse} to orderflow.lanes of billing in stack.yml, {START_AGAIN}"
        ));
    }
    notes
}
