//! Somebody else at the same file: its partner, or another process.

use crate::kills::Process;
use crate::support::{US3_HEADER, World, eventually, us3};
use intake::ledger::State;
use std::process::Command;
use std::time::Duration;

fn content(price: &str) -> Vec<u8> {
    let orders = (0..3_000).map(|order| us3(&format!("o-{order}"), 1).replace("1.50", price));
    (US3_HEADER.to_owned() + &orders.collect::<String>()).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_behind_the_readers_back_is_neither_lost_nor_mixed() {
    let world = World::start().await;
    let mut seen = std::collections::BTreeMap::<State, u32>::new();
    for round in 0..6 {
        let (old, new) = (content(&format!("{round}.51")), content(&format!("{round}.76")));
        let name = format!("{round}.csv");
        let event = world.put("US3", &name, &old);
        // Other content of the same size, made ready with the same time of change.
        world.write("US3", "new", &new);
        let root = world.sshd.root("US3");
        let replace = {
            let root = root.clone();
            let inbox = root.join("inbox").join(&name);
            // At different moments: from before the first byte is read until behind the move.
            let pause = Duration::from_millis(60 * round);
            std::thread::spawn(move || {
                std::thread::sleep(pause);
                std::fs::rename(root.join("new"), inbox).unwrap();
            })
        };
        let state = world.done(&event).await.state;
        replace.join().unwrap();
        *seen.entry(state).or_default() += 1;
        let files = world.files("US3");
        let at = |folder: &str, content: &[u8]| {
            files.iter().any(|(path, there)| path.starts_with(folder) && there == content)
        };
        let placed = world.orders().await;
        let prices = |price: &str| placed.values().filter(|order| order.contains(price)).count();
        let (of_old, of_new) = (prices(&format!("{round}.51")), prices(&format!("{round}.76")));
        match state {
            // The old one was done with; the new one waits to arrive.
            State::Done if of_old > 0 => {
                assert_eq!((of_old, of_new), (3_000, 0));
                assert!(at("archive/", &old) && at("inbox/", &new), "{round}");
            }
            // The new one came before anything was read.
            State::Done => {
                assert_eq!((of_old, of_new), (0, 3_000));
                assert!(at("archive/", &new), "{round}");
            }
            State::Refused => {
                assert_eq!((of_old, of_new), (0, 0));
                assert!(at("inbox/", &new) && !at("archive/", &new), "{round}");
                assert!(!files.keys().any(|path| path.starts_with(&format!("depot/{round}."))));
            }
            other => panic!("{other:?}"),
        }
        std::fs::remove_file(root.join("inbox").join(&name)).ok();
    }
    eprintln!("{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stands_in_the_inbox_again_does_not_hold_the_one_that_was_moved() {
    let world = World::start().await;
    let old = content("1.50");
    let event = world.put("US3", "a.csv", &old);
    let record = world.done(&event).await;
    // Its last steps are done again by another process, and meanwhile it was uploaded again.
    let bucket = messaging::kv::Bucket::open(&world.client, messaging::streams::FILES_LEDGER);
    let bucket: messaging::kv::Bucket<intake::ledger::Record> = bucket.await.unwrap();
    let key = format!("US3.{}", record.arrival);
    let (standing, revision) = bucket.get(&key).await.unwrap().unwrap();
    let back = intake::ledger::Record { state: State::Receipted, ..standing };
    bucket.update(&key, &back, revision).await.unwrap().unwrap();
    world.put("US3", "a.csv", &old);
    assert_eq!(world.done(&event).await.state, State::Done);
    assert!(world.names("US3").contains(&"inbox/a.csv".to_owned()), "it arrives by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_wakes_up_after_another_has_done_its_file_changes_nothing() {
    let (world, undisturbed) = (World::start().await, World::start().await);
    let signal = |process: &Process, name: &str| {
        let pid = process.pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    for (number, pause) in [20, 60, 100, 150].into_iter().enumerate() {
        let name = format!("{number}.csv");
        let content = content(&format!("{number}.25"));
        let event = world.put("US3", &name, &content);
        let same = undisturbed.put("US3", &name, &content);
        assert_eq!(undisturbed.done(&same).await.state, State::Done);
        let first = std::sync::Arc::new(Process::start(&world, number).await);
        let (asked, of) = (first.clone(), event.clone());
        let answer = tokio::spawn(async move { asked.post(&of).await });
        eventually(async || {
            let us3 = domain::PartnerId::parse("US3").unwrap();
            let arrival = event["data"]["arrival"].as_str().unwrap();
            world.ledger.get(&us3, arrival).await.unwrap()?.claim.map(drop)
        })
        .await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        signal(&first, "-STOP");
        eventually(async || {
            world.call(std::slice::from_ref(&event)).await.is_empty().then_some(())
        })
        .await;
        signal(&first, "-CONT");
        // Whatever it says, it has an end.
        answer.await.unwrap();
    }
    assert_eq!(world.orders().await, undisturbed.orders().await);
    assert_eq!(world.files("US3"), undisturbed.files("US3"));
    assert_eq!(world.told().await, undisturbed.told().await);
}
