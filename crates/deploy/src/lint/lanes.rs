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
    let is_processor = |function: &&Function<'_>| function.name == order_processor::NAME;
    let Some(function) = functions.iter().find(is_processor) else { return };
    let given = calls::texts(function);
    // What cannot be read of them is said already.
    let Ok(subscriptions) = annotations::parse(function.name, &given) else { return };
    let filters: BTreeSet<String> = subscriptions.into_iter().map(|one| one.filter).collect();
    let partners = intake::partners::configured(subject.partners.as_deref(), drop);
    let main = WarehouseId::main();
    let mut wrong: BTreeMap<&WarehouseId, String> = lanes::unread(&partners, &filters)
        .into_iter()
        .map(|(warehouse, names)| (warehouse, lanes::wrong(warehouse, &names)))
        .collect();
    if !filters.contains(&subject::placed(&main)) {
        wrong.entry(&main).or_insert_with(|| {
            "no lane for warehouse main: orders of no configured partner are accepted and never \
             decided"
                .to_owned()
        });
    }
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
