//! What holds whatever writers do to each other.

use crate::explore::{Running, all_faults, all_turns, run};
use crate::world::{Client, Fault, Store, alone};
use crate::{author, key, people, person};
use messaging::publish::Outgoing;
use serde_json::Value;
use state::record::{Conflict, Revision, When, WriteError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const NAMES: [&str; 3] = ["ann", "bob", "cid"];

/// What a client does: to this record, with this e-mail address and telephone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Create(&'static str, &'static str, &'static str),
    /// At the revision that it has at first.
    Replace(&'static str, &'static str, &'static str),
    Delete(&'static str),
    /// Creates it; if that is refused, with the other telephone.
    Twice(&'static str, &'static str, [&'static str; 2]),
    /// Ends what others began at this record, and changes nothing.
    Help(&'static str),
    /// Ends what others began anywhere.
    Sweep,
}

impl Act {
    fn record(self) -> Option<&'static str> {
        match self {
            Create(k, ..) | Replace(k, ..) | Delete(k) | Twice(k, ..) | Help(k) => Some(k),
            Sweep => None,
        }
    }
}

pub(crate) type Outcome = Result<Revision, WriteError>;

pub(crate) async fn act(
    client: Client,
    act: Act,
    by: &'static str,
    at: Option<Revision>,
) -> Outcome {
    let (people, author) = (people(&client), author(by));
    let when = at.map_or(When::Present, When::Is);
    match act {
        Act::Create(k, e, p) => people.create(&key(k), person(by, e, p), &author).await,
        Act::Replace(k, e, p) => people.replace(&key(k), person(by, e, p), when, &author).await,
        Act::Delete(k) => people.delete(&key(k), when, &author).await,
        Act::Twice(k, e, [p, other]) => {
            match people.create(&key(k), person(by, e, p), &author).await {
                Err(WriteError::Conflict(Conflict::Taken { .. })) => {
                    people.create(&key(k), person(by, e, other), &author).await
                }
                outcome => outcome,
            }
        }
        Act::Help(k) => people.delete(&key(k), When::Is(Revision(u64::MAX)), &author).await,
        Act::Sweep => {
            let mut sweep = people.sweep();
            sweep.step().await?;
            sweep.step().await?;
            Err(WriteError::Missing)
        }
    }
}

/// What is there at first, and what clients do at once.
struct Scenario {
    there: &'static [(&'static str, &'static str, &'static str)],
    acts: &'static [Act],
    /// How many succeed where nothing fails; nothing where it depends on the order.
    succeed: Option<usize>,
}

use Act::{Create, Delete, Help, Replace, Sweep, Twice};

const SCENARIOS: &[Scenario] = &[
    // The same record.
    Scenario {
        there: &[],
        acts: &[Create("a", "-", "-"), Create("a", "-", "-")],
        succeed: Some(1),
    },
    Scenario {
        there: &[],
        acts: &[Create("a", "x", "-"), Create("a", "y", "-")],
        succeed: Some(1),
    },
    // Two creators who want the same second key.
    Scenario {
        there: &[],
        acts: &[Create("a", "x", "-"), Create("b", "x", "-")],
        succeed: Some(1),
    },
    Scenario {
        there: &[],
        acts: &[Create("a", "x", "1"), Create("b", "x", "1")],
        succeed: Some(1),
    },
    // The one that is there keeps it.
    Scenario {
        there: &[("a", "x", "-")],
        acts: &[Create("b", "x", "-"), Replace("a", "x", "1")],
        succeed: Some(1),
    },
    // Lost updates.
    Scenario {
        there: &[("a", "x", "1")],
        acts: &[Replace("a", "y", "1"), Replace("a", "x", "2")],
        succeed: Some(1),
    },
    Scenario {
        there: &[("a", "x", "1")],
        acts: &[Delete("a"), Replace("a", "y", "1")],
        succeed: Some(1),
    },
    // Renames that free what others want.
    Scenario {
        there: &[("a", "x", "-")],
        acts: &[Replace("a", "y", "-"), Create("b", "x", "-")],
        succeed: None,
    },
    Scenario {
        there: &[("a", "x", "-")],
        acts: &[Delete("a"), Create("b", "x", "-")],
        succeed: None,
    },
    Scenario {
        there: &[("a", "x", "1"), ("b", "y", "2")],
        acts: &[Replace("a", "y", "1"), Replace("b", "x", "2")],
        succeed: None,
    },
    Scenario {
        there: &[("a", "x", "1")],
        acts: &[Replace("a", "y", "2"), Create("b", "x", "2")],
        succeed: None,
    },
    // What is refused is forgotten, also before its writer sees that it was.
    Scenario { there: &[("z", "x", "-")], acts: &[Create("a", "x", "1"), Sweep], succeed: Some(0) },
    Scenario {
        there: &[("z", "-", "1")],
        acts: &[Twice("a", "x", ["1", "2"]), Sweep],
        succeed: Some(1),
    },
];

/// Runs a scenario, checks it, and says who took each step; nobody if the fault did not happen.
fn check(
    scenario: &Scenario,
    store: &Arc<Mutex<Store>>,
    turns: &[(usize, usize)],
    fault: Option<(usize, usize, Fault)>,
) -> Vec<usize> {
    let mut at = BTreeMap::new();
    for (k, e, p) in scenario.there {
        let first = Client::new(store, "first", None);
        let made = alone(people(&first).create(&key(k), person("first", e, p), &author("first")));
        at.insert(*k, made.unwrap());
    }
    let acts = scenario.acts.iter().zip(NAMES).enumerate();
    let (clients, running): (Vec<Client>, Vec<Running<Outcome>>) = acts
        .map(|(index, (what, name))| {
            let of = |(client, step, fault)| (client == index).then_some((step, fault));
            let client = Client::new(store, name, fault.and_then(of));
            let at = what.record().and_then(|record| at.get(record).copied());
            let acting = act(client.clone(), *what, name, at);
            (client, Box::pin(acting) as Running<Outcome>)
        })
        .unzip();
    let ran = run(&clients, running, turns);
    store.lock().unwrap().land();
    if fault.is_none() {
        let succeeded = ran.results.iter().flatten().filter(|result| result.is_ok()).count();
        assert!(scenario.succeed.is_none_or(|count| count == succeeded), "{:?}", ran.results);
    }
    let last = Client::new(store, "last", None);
    let mut sweep = people(&last).sweep();
    alone(sweep.step()).unwrap();
    alone(sweep.step()).unwrap();
    assert_eq!(alone(sweep.step()).unwrap(), 0, "steps are left");
    let store = store.lock().unwrap();
    each_second_key_has_one_holder(&store);
    nothing_stays_of_what_was_refused(&store);
    each_change_is_told_once_in_order(&store);
    for (name, result) in NAMES.iter().zip(&ran.results) {
        answers_are_true(&store, name, result.as_ref(), &at);
    }
    let happened = |(client, step, _): (usize, usize, Fault)| step < clients[client].steps();
    if fault.is_none_or(happened) { ran.steps } else { Vec::new() }
}

fn json(message: &state::wire::Message) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

fn each_second_key_has_one_holder(store: &Store) {
    let mut holders: BTreeMap<String, String> = BTreeMap::new();
    for message in store.under("$KV.FILES_LEDGER.record.>") {
        let owner = message.subject.rsplit('.').next().unwrap();
        for name in ["email", "phone"] {
            if let Some(value) = json(message)["value"][name].as_str() {
                let before = holders.insert(format!("{name}.{value}"), owner.to_owned());
                assert_eq!(before, None, "{name} {value} is held twice");
            }
        }
    }
    for (claim, owner) in &holders {
        let claims = store.under(&format!("$KV.FILES_LEDGER.claim.{claim}"));
        assert_eq!(claims.len(), 1, "{claim} is not claimed");
        assert_eq!(json(claims[0])["owner"], **owner, "{claim} is claimed by another");
    }
    for claim in store.under("$KV.FILES_LEDGER.claim.>") {
        let name = claim.subject.strip_prefix("$KV.FILES_LEDGER.claim.").unwrap();
        assert!(!claim.deleted, "of {name} a mark stays");
        // One that a helper wrote late is harmless.
        assert!(holders.get(name).is_none_or(|owner| json(claim)["owner"] == **owner));
    }
}

fn nothing_stays_of_what_was_refused(store: &Store) {
    for message in store.under("$KV.FILES_LEDGER.record.>") {
        let entry = json(message);
        assert!(!entry["value"].is_null() || entry["revision"] != 0, "{entry}");
        assert!(entry["refused"].is_null() || entry["refused"]["name"].is_string(), "{entry}");
        assert!(entry["refused"]["claim"].is_null(), "{entry}");
    }
}

/// Entries that are changes, with their keys.
fn changes(store: &Store) -> impl Iterator<Item = (String, u64, Value)> {
    let entries =
        store.history.iter().filter(|m| m.subject.starts_with("$KV.FILES_LEDGER.record."));
    entries.filter_map(|message| {
        let entry = json(message);
        let key = message.subject.rsplit('.').next().unwrap().to_owned();
        entry["revision"].is_null().then_some((key, message.sequence, entry))
    })
}

fn each_change_is_told_once_in_order(store: &Store) {
    for record in ["a", "b", "c", "z"] {
        let made = changes(store).filter(|(key, ..)| key == record);
        let made: Vec<String> = made.map(|(_, at, _)| format!("FILES_LEDGER:{at}")).collect();
        let told = store.under(&format!("analytics.people.{record}"));
        let told: Vec<String> =
            told.iter().map(|event| json(event)["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, made, "events of {record}");
    }
}

fn answers_are_true(
    store: &Store,
    name: &str,
    result: Option<&Outcome>,
    at: &BTreeMap<&str, Revision>,
) {
    let mine: Vec<_> = changes(store).filter(|(_, _, entry)| entry["by"] == name).collect();
    assert!(mine.len() <= 1, "made twice");
    match result {
        Some(Ok(revision)) => {
            assert_eq!(mine.iter().map(|(_, at, _)| *at).collect::<Vec<_>>(), [revision.0]);
        }
        Some(Err(WriteError::Store(_))) | None => {}
        Some(Err(error)) => assert_eq!(mine.len(), 0, "made, and answered {error}"),
    }
    // No update is lost: what it replaced is what it named, or nothing.
    for (key, sequence, entry) in mine {
        let before = changes(store).filter(|(other, at, _)| *other == key && *at < sequence);
        let before = before.last();
        if entry["owed"]["change"] == "created" {
            assert!(before.is_none_or(|(_, _, entry)| entry["value"].is_null()));
        } else if let Some(named) = at.get(&*key) {
            assert_eq!(before.map(|(_, at, _)| Revision(at)), Some(*named));
        }
    }
}

#[test]
fn writers_that_interrupt_each_other() {
    let mut runs = 0;
    for scenario in SCENARIOS {
        runs += all_turns(scenario.acts.len(), 2, &mut |store, turns| {
            check(scenario, store, turns, None)
        });
    }
    assert!(2_000 < runs, "{runs} runs");
}

#[test]
fn writers_of_which_one_fails_at_any_step() {
    let mut runs = 0;
    for scenario in SCENARIOS {
        for fault in all_faults(scenario.acts.len(), 24) {
            runs += all_turns(scenario.acts.len(), 1, &mut |store, turns| {
                check(scenario, store, turns, Some(fault))
            });
        }
    }
    assert!(10_000 < runs, "{runs} runs");
}

#[test]
fn an_old_claim_helps_nobody_and_stops_nobody() {
    // A helper that was slow wrote it for a change of `b` that is over.
    for old in [
        r#"{"owner":"b","write":"old"}"#,
        // It was proposed under the same `Idempotency-Key` before.
        r#"{"owner":"b","write":"bob0","proposed_at":1}"#,
        r#"{"owner":"b","write":"bob0"}"#,
    ] {
        let old = Outgoing::new("$KV.FILES_LEDGER.claim.phone.1".into(), old.into());
        for email in ["-", "x"] {
            let acts: &[Act] = &[Create("a", email, "1"), Create("b", email, "1")];
            let scenario = Scenario { there: &[], acts: acts.to_vec().leak(), succeed: Some(1) };
            let runs = all_turns(2, 2, &mut |store, turns| {
                store.lock().unwrap().put(&old, 0);
                check(&scenario, store, turns, None)
            });
            assert!(100 < runs, "{runs} runs");
        }
    }
}

#[test]
fn a_slow_helper_does_not_write_over_the_claim_of_a_later_change() {
    // `bob` proposes, is refused, and proposes again. `cid` helps with the first and stops somewhere, goes on
    // during the second, and stops again. Then it is the turn of `ann`; `bob` and `cid` end last.
    const ANN: usize = 0;
    const BOB: usize = 1;
    const CID: usize = 2;
    let acts = &[Create("a", "x", "-"), Twice("b", "x", ["1", "2"]), Help("b")];
    let scenario = Scenario { there: &[("z", "-", "1")], acts, succeed: Some(1) };
    let mut runs = 0;
    let mut ran = |turns: &[(usize, usize)]| {
        runs += 1;
        let ran = check(&scenario, &Arc::default(), turns, None);
        ran.iter().rposition(|client| *client == BOB).unwrap_or_default()
    };
    for proposed in 1..ran(&[(0, BOB)]) {
        for back in proposed + 1..proposed + 4 {
            let mut turns = vec![(0, BOB), (proposed, CID), (back, BOB)];
            for again in back + 1..=ran(&turns) {
                turns.push((again, CID));
                for steps in 1..5 {
                    ran(&[&turns[..], &[(again + steps, ANN)]].concat());
                }
                turns.pop();
            }
        }
    }
    assert!(1_000 < runs, "{runs} runs");
}

#[test]
fn three_writers_in_any_order() {
    const ACTS: [Act; 8] = [
        Create("a", "x", "1"),
        Create("b", "y", "1"),
        Create("c", "x", "2"),
        Replace("a", "y", "-"),
        Replace("b", "x", "2"),
        Replace("b", "-", "1"),
        Delete("a"),
        Delete("b"),
    ];
    for seed in 0..3_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let acts: Vec<Act> = (0..3).map(|_| ACTS[random.usize(..ACTS.len())]).collect();
        let there = if random.bool() { &[("a", "x", "-"), ("b", "-", "2")][..] } else { &[] };
        let scenario = Scenario { there, acts: acts.leak(), succeed: None };
        let interrupted: Vec<usize> = (0..60).filter(|_| random.u8(..3) == 0).collect();
        let turns = interrupted.into_iter().map(|at| (at, random.usize(..3)));
        let turns: Vec<(usize, usize)> = turns.collect();
        let fault = random.bool().then(|| {
            let fault = crate::world::FAULTS[random.usize(..4)];
            (random.usize(..3), random.usize(..24), fault)
        });
        println!("seed {seed}: {acts:?} {turns:?} {fault:?}", acts = scenario.acts);
        check(&scenario, &Arc::default(), &turns, fault);
    }
}
