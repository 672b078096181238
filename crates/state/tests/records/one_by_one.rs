//! One client after the other.

use crate::explore::{Running, run};
use crate::model::Act::{Create, Replace};
use crate::model::{Outcome, act};
use crate::world::{Client, Fault, Store, alone};
use crate::{Person, author, key, people, person};
use messaging::publish::{Outgoing, Published};
use serde_json::Value;
use state::record::{Conflict, When, WriteError};
use state::wire::Message;
use std::sync::{Arc, Mutex};

#[test]
fn a_second_key_that_a_crash_left_is_free_again() {
    // Killed after each of its steps, a rename leaves a store in which others can have either name.
    for step in 0..24 {
        for wanted in ["x", "y"] {
            let store = Arc::default();
            let first = Client::new(&store, "first", None);
            let made = alone(people(&first).create(&key("a"), person("1", "x", "-"), &author("f")));
            let killed = Client::new(&store, "ann", Some((step, Fault::KilledAfter)));
            let at = Some(made.unwrap());
            let renaming = act(killed.clone(), Replace("a", "y", "-"), "ann", at);
            run(&[killed], vec![Box::pin(renaming) as Running<Outcome>], &[]);
            let bob = Client::new(&store, "bob", None);
            let created = alone(act(bob.clone(), Create("b", wanted, "-"), "bob", None));
            let held = alone(people(&bob).get(&key("a"))).unwrap().unwrap().value.email;
            match created {
                Ok(_) => assert_ne!(held.as_deref(), Some(wanted)),
                Err(WriteError::Conflict(Conflict::Taken { name, owner })) => {
                    assert_eq!((&*name, owner), ("email", key("a")));
                    assert_eq!(held.as_deref(), Some(wanted));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn a_mark_in_the_place_of_a_claim_goes_with_it() {
    let store = Arc::default();
    let client = Client::new(&store, "first", None);
    let first = alone(act(client.clone(), Create("a", "x", "-"), "ann", None)).unwrap();
    let claim = "$KV.FILES_LEDGER.claim.email.x";
    let at = store.lock().unwrap().under(claim)[0].sequence;
    let mark = Outgoing::new(claim.into(), "".into()).header("KV-Operation", "DEL");
    store.lock().unwrap().put(&mark, at);
    alone(act(client, Replace("a", "y", "-"), "bob", Some(first))).unwrap();
    assert_eq!(store.lock().unwrap().under(claim), Vec::<&Message>::new());
}

#[test]
fn a_stranger_on_the_events_subject_costs_no_event() {
    let store = Arc::default();
    let client = Client::new(&store, "first", None);
    let first = alone(act(client.clone(), Create("a", "x", "-"), "ann", None)).unwrap();
    let at = store.lock().unwrap().under("analytics.people.a")[0].sequence;
    let stranger = Outgoing::new("analytics.people.a".into(), "?".into());
    assert!(matches!(
        alone(state::wire::Wire::put(&client, stranger, at)).unwrap(),
        Published::Stored(_)
    ));
    let second = alone(act(client.clone(), Replace("a", "y", "-"), "bob", Some(first))).unwrap();
    let told: Vec<String> = store
        .lock()
        .unwrap()
        .under("analytics.people.a")
        .iter()
        .map(|event| {
            serde_json::from_slice::<Value>(&event.payload)
                .map_or("?".into(), |it| it["id"].to_string())
        })
        .collect();
    assert_eq!(
        told,
        [format!("\"FILES_LEDGER:{first}\""), "?".into(), format!("\"FILES_LEDGER:{second}\"")]
    );
}

#[test]
fn a_change_under_the_same_key_is_made_once() {
    let store: Arc<Mutex<Store>> = Arc::default();
    let people = people(&Client::new(&store, "first", None));
    let author = state::record::Author { key: Some("k1".into()), ..author("f") };
    let create = || alone(people.create(&key("a"), person("1", "x", "-"), &author));
    let first = create().unwrap();
    assert_eq!(create().unwrap(), first);
    let same = alone(people.replace(
        &key("a"),
        person("1", "x", "-"),
        When::Is(first),
        &crate::author("b"),
    ));
    assert_eq!(same.unwrap(), first, "what is equal changes nothing");
    let deleted = alone(people.delete(&key("a"), When::Is(first), &crate::author("b"))).unwrap();
    assert!(first < deleted);
    let again =
        alone(people.create(&key("a"), person("1", "x", "-"), &crate::author("b"))).unwrap();
    assert!(deleted < again, "no revision is used again");
    let _: Person = alone(people.get(&key("a"))).unwrap().unwrap().value;
}

#[test]
fn a_second_key_that_was_refused_is_kept_nowhere() {
    let store: Arc<Mutex<Store>> = Arc::default();
    let client = Client::new(&store, "first", None);
    let people = crate::people(&client);
    for name in ["a", "b"] {
        alone(people.create(&key(name), person("1", name, "-"), &author("f"))).unwrap();
    }
    let (b, c, by, value) = (key("b"), key("c"), author("f"), person("1", "a", "-"));
    let taken = |result| match result {
        Err(WriteError::Conflict(Conflict::Taken { name, owner })) => (name, owner),
        other => panic!("{other:?}"),
    };
    let replaced = people.replace(&b, value.clone(), When::Present, &by);
    assert_eq!(taken(alone(replaced)), ("email".into(), key("a")));
    let created = people.create(&c, value, &by);
    assert_eq!(taken(alone(created)), ("email".into(), key("a")));
    let entry = |name: &str| {
        let store = store.lock().unwrap();
        let found = store.under(&format!("$KV.FILES_LEDGER.record.{name}"));
        found.first().map(|found| serde_json::from_slice::<Value>(&found.payload).unwrap())
    };
    assert_eq!(entry("b").unwrap()["refused"]["name"], "email");
    assert!(!entry("b").unwrap()["refused"].to_string().contains("email."));
    // As the first version wrote it.
    let mut old = entry("c").unwrap();
    old["refused"] = serde_json::json!({"write": "w", "claim": "email.a", "owner": "a"});
    let at = store.lock().unwrap().under("$KV.FILES_LEDGER.record.c")[0].sequence;
    let old = Outgoing::new("$KV.FILES_LEDGER.record.c".into(), old.to_string().into());
    store.lock().unwrap().put(&old, at);
    let mut sweep = people.sweep();
    assert_eq!(alone(sweep.step()).unwrap(), 1);
    assert_eq!(alone(sweep.step()).unwrap(), 0);
    assert_eq!(entry("c"), None);
    assert!(entry("b").is_some());
}
