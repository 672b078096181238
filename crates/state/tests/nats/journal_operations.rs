//! Verifying a journal, commands, and a new position.

use crate::journal::{Names, SUBJECT, again, entries, journal, once, subject};
use crate::start;
use chrono::DateTime;
use messaging::publish::{self, Outgoing};
use messaging::{Nats, header, stored, streams};
use state::journal::{
    Applied, BoundKey, Command, Decide, Place, Position, Record, Refused, Verification, View,
    position, verify,
};
use std::collections::BTreeMap;

/// Verified at a time when nothing is so old that its stream does not keep it.
async fn verified(nats: &Nats) -> Verification<BTreeMap<String, u32>> {
    verify(nats, SUBJECT, &Names, DateTime::UNIX_EPOCH).await.unwrap()
}

/// `problems` is what is found, as `entry: text`.
#[track_caller]
fn check(found: &Verification<BTreeMap<String, u32>>, problems: &[String]) {
    let texts: Vec<_> = found.problems.iter().map(|p| format!("{}: {}", p.entry, p.text)).collect();
    assert_eq!(texts, problems);
    assert_eq!(found.problems_total, problems.len() as u64);
}

async fn publish_raw(nats: &Nats, subject: &str, payload: &str, decision: (&str, u64)) {
    let message = Outgoing::new(subject.into(), payload.to_owned().into())
        .header(header::DECISION, decision.0)
        .header(header::DECISION_SEQUENCE, &decision.1.to_string());
    publish::one(nats, &message, None).await.unwrap();
}

#[tokio::test]
async fn a_whole_journal_has_no_problem_and_folds_to_the_writers_state() {
    let (_server, nats) = start().await;
    check(&verified(&nats).await, &[]);
    let writer = journal(&nats);
    once(&writer, "a").await;
    once(&writer, "b").await;
    // The fact of a second decision on the same thing replaces the first, which stays.
    again(&writer, "a").await;
    let found = verified(&nats).await;
    check(&found, &[]);
    let last = entries(&nats).await.last().unwrap().0;
    assert_eq!((found.entries, found.first, found.last, found.facts), (3, 1, last, 3));
    assert_eq!((found.expired, found.unsettled), (0, 0));
    let state = writer.commit(|view| Decide::Answer(view.state.clone())).await.unwrap();
    assert_eq!(found.state, state);
}

#[tokio::test]
async fn every_kind_of_damage_is_found() {
    let (_server, nats) = start().await;
    let writer = journal(&nats);
    for name in ["a", "b", "c"] {
        once(&writer, name).await;
    }
    let written = entries(&nats).await;
    let (first, last) = (written[0].0, written[2].0);
    // Doubled, out of nothing, and with no decision at all.
    publish_raw(&nats, &subject("a"), "again", (&written[0].1.id, first)).await;
    publish_raw(&nats, &subject("z"), "why", (&written[0].1.id, first)).await;
    publish_raw(&nats, &subject("y"), "who", ("", 0)).await;
    // An entry of a later version, and one that leaves something out.
    let appended = |payload: Vec<u8>| publish_or_panic(&nats, payload);
    let unknown = appended(b"{}".to_vec()).await;
    let body = r#""at":"2026-01-01T00:00:00Z","decided_to":null,"body":["c"]"#;
    let hole = appended(format!(r#"{{"id":"x","prev":{unknown},{body}}}"#).into_bytes()).await;
    // What claims to follow an older entry is a copy, or somebody made it up.
    let late = appended(format!(r#"{{"id":"y","prev":{first},{body}}}"#).into_bytes()).await;
    let found = verified(&nats).await;
    check(
        &found,
        &[
            format!("0: {} follows from no entry", subject("y")),
            format!("{first}: {} is stored twice", subject("a")),
            format!("{first}: {} follows from no entry", subject("z")),
            format!("{unknown}: entry of an unknown kind: missing field `id` at line 1 column 2"),
            format!("{hole}: it follows {unknown}, but the entry before it is {last}"),
            format!(
                "{late}: it is no entry and is passed over: it follows entry {first}, but {hole} is \
                 the last entry before it"
            ),
        ],
    );
    assert_eq!((found.entries, found.unsettled, found.foreign), (4, 1, 1));
}

async fn publish_or_panic(nats: &Nats, payload: Vec<u8>) -> u64 {
    let message = Outgoing::new(SUBJECT.into(), payload.into()).header(header::JOURNAL, "1");
    match publish::one(nats, &message, None).await.unwrap() {
        publish::Published::Stored(sequence) => sequence,
        publish::Published::Occupied => panic!("nothing was expected"),
    }
}

#[tokio::test]
async fn a_lost_fact_is_missed_unless_its_stream_keeps_it_no_longer() {
    let (_server, nats) = start().await;
    let writer = journal(&nats);
    for name in ["a", "b"] {
        once(&writer, name).await;
    }
    let stream = nats.js.get_stream(streams::INVENTORY).await.unwrap();
    stream.purge().await.unwrap();
    let found = verified(&nats).await;
    let first = found.first;
    check(&found, &[format!("{first}: 1 of its facts are not stored")]);
    assert_eq!((found.unsettled, found.expired), (1, 0));

    let later = entries(&nats).await[1].1.at + chrono::Duration::days(8);
    let found = verify(&nats, SUBJECT, &Names, later).await.unwrap();
    check(&found, &[]);
    assert_eq!((found.unsettled, found.expired), (0, 2));
}

#[tokio::test]
async fn a_command_is_applied_once_whoever_repeats_it() {
    let (_server, nats) = start().await;
    let (one, two) = (journal(&nats), journal(&nats));
    let command = || Command::decision(vec!["a".to_owned()]);
    let key = BoundKey::new("key", &"name a");
    // `two` knows an older state, in which the key is not.
    once(&two, "before").await;
    for (journal, expected) in [(&one, Applied::Now), (&two, Applied::Before)] {
        let applied = journal.command(&key, |_| Ok::<_, String>(command())).await.unwrap();
        assert_eq!(applied, Ok(expected));
    }
    // The same key for another command, and a command that the rules refuse.
    let other = BoundKey::new("key", &"name b");
    let applied = one.command(&other, |_| Ok::<_, String>(command())).await.unwrap();
    assert_eq!(applied, Err(Refused::KeyUsed));
    let refuse = |view: View<'_, BTreeMap<String, u32>>| {
        Err::<Command<Vec<String>>, _>(format!("{} known", view.state.len()))
    };
    let refused = two.command(&BoundKey::new("new", &()), refuse).await.unwrap();
    assert_eq!(refused, Err(Refused::By("2 known".to_owned())));
    assert_eq!(entries(&nats).await.len(), 2);
}

#[tokio::test]
async fn a_rebase_moves_the_position_once_and_is_settled_and_verified_like_any_entry() {
    let (_server, nats) = start().await;
    let (one, two) = (journal(&nats), journal(&nats));
    once(&one, "a").await;
    let to = position(&nats, streams::ORDERS, "orders.placed.main.>", Place::End).await.unwrap();
    assert_eq!((to.stream.as_str(), to.sequence), ("ORDERS", 0));
    assert!(to.identity.len() > 10, "{}", to.identity);
    assert_eq!(one.rebase(&to, "made anew").await, Ok(Applied::Now));
    assert_eq!(two.rebase(&to, "made anew").await, Ok(Applied::Before));
    once(&two, "b").await;
    let seen = journal(&nats)
        .commit(|view| Decide::Answer((view.decided_to.cloned(), view.state.clone())))
        .await
        .unwrap();
    assert_eq!(seen, (Some(to.clone()), [("a".to_owned(), 1), ("b".to_owned(), 1)].into()));
    let found = verified(&nats).await;
    check(&found, &[]);
    assert_eq!((found.entries, found.facts, found.decided_to), (3, 2, Some(to)));
    let raw = stored::last(&nats, streams::JOURNAL, SUBJECT).await.unwrap().unwrap();
    assert!(matches!(Record::<Vec<String>>::parse(&raw.payload), Ok(Record::Decision(_))));
}

#[tokio::test]
async fn a_position_names_the_stream_as_it_is_and_stays_within_it() {
    let (_server, nats) = start().await;
    let at = async |place| position(&nats, streams::INVENTORY, "inventory.>", place).await;
    for name in ["a", "b", "c"] {
        once(&journal(&nats), name).await;
    }
    assert_eq!(at(Place::Beginning).await.unwrap().sequence, 0);
    assert_eq!(at(Place::End).await.unwrap().sequence, 3);
    assert_eq!(at(Place::After(2)).await.unwrap().sequence, 2);
    let error = at(Place::After(4)).await.unwrap_err();
    assert_eq!(error.to_string(), "stream INVENTORY ends at 3, before 4");
    let before: Position = at(Place::End).await.unwrap();
    nats.js.delete_stream(streams::INVENTORY).await.unwrap();
    assert!(at(Place::End).await.is_err());
    streams::setup(&nats, streams::Settings::default()).await;
    let after = at(Place::End).await.unwrap();
    assert!(before.identity != after.identity && after.sequence == 0);
}
