//! Events have streams, and `docs/EVENTS.md` says why orders are refused.
#![cfg(test)]

use messaging::events::ALL;

#[test]
fn the_docs_name_every_reason_of_a_refusal() {
    let docs = include_str!("../../../docs/EVENTS.md");
    let rows = docs.lines().skip_while(|line| !line.starts_with("| reason |")).skip(2);
    let reasons: Vec<&str> = rows
        .map_while(|line| line.strip_prefix("| `"))
        .filter_map(|row| row.split('`').next())
        .collect();
    assert_eq!(reasons, domain::stock::Refusal::CODES);
}

#[test]
fn every_event_has_a_stream() {
    for event in ALL {
        let subject: Vec<&str> =
            event.subject.split('.').map(|t| if t.starts_with('<') { "x" } else { t }).collect();
        assert!(messaging::streams::of_subject(&subject.join(".")).is_some(), "{}", event.subject);
    }
}
