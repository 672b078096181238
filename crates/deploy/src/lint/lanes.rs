//! Every warehouse needs a lane, or its orders are accepted and never decided.

use std::collections::{BTreeMap, BTreeSet};

use connector::annotations;
use domain::WarehouseId;
use messaging::subject;
use stack::lanes;

use super::calls;
use super::finding::{Findings, Rule};
use super::function::Function;
use super::subject::Subject;

const LANES: &str = "orderflow.lanes";

pub(super) fn look(functions: &[Function<'_>], subject: &Subject, findings: &mut Findings) {
    let partners = intake::partners::configured(subject.partners.as_deref(), drop);
    let main = WarehouseId::main();
    look_at(order_processor::NAME, functions, findings, |filters| {
        let unread = lanes::unread(&partners, filters).into_iter();
        let mut wrong: BTreeMap<WarehouseId, String> = unread
            .map(|(warehouse, names)| (warehouse.clone(), lanes::wrong(warehouse, &names)))
            .collect();
        if !filters.contains(&subject::placed(&main)) {
            wrong.entry(main.clone()).or_insert_with(|| {
                "no lane for warehouse main: orders of no configured partner are accepted and never \
                 decided"
                    .to_owned()
            });
        }
        wrong
    });
    look_at(billing::NAME, functions, findings, |filters| {
        let unread = lanes::not_invoiced(&partners, filters).into_iter();
        unread
            .map(|(warehouse, names)| {
                (warehouse.clone(), lanes::wrong_of_invoices(warehouse, &names))
            })
            .collect()
    });
}

/// One finding for each warehouse that `wrong` says something of, at the lanes of a function.
fn look_at(
    name: &str,
    functions: &[Function<'_>],
    findings: &mut Findings,
    wrong: impl Fn(&BTreeSet<String>) -> BTreeMap<WarehouseId, String>,
) {
    let Some(function) = functions.iter().find(|function| function.name == name) else { return };
    let given = calls::texts(function);
    // What cannot be read of them is said already.
    let Ok(subscriptions) = annotations::parse(function.name, &given) else { return };
    let filters: BTreeSet<String> = subscriptions.into_iter().map(|one| one.filter).collect();
    let wrong = wrong(&filters);
    // Names are separated by blanks; who wrote commas is shown the right form.
    let given = given.get(LANES).map(String::as_str).unwrap_or_default();
    let mut all: Vec<&str> =
        given.split([' ', '\t', '\n', ',']).filter(|name| !name.is_empty()).collect();
    let missing = wrong.keys().map(|warehouse| warehouse.as_str());
    let missing: Vec<&str> = missing.filter(|name| !all.contains(name)).collect();
    all.extend(missing);
    let mend = format!("{LANES}: \"{}\", {}", all.join(" "), lanes::START_AGAIN);
    let line = function.line_in("annotations", LANES);
    let path = function.path(&format!("annotations.{LANES}"));
    for wrong in wrong.into_values() {
        findings.add(Rule::Lane, line, path.clone(), wrong, mend.clone());
    }
}
