//! A partner with many files, or with a server that hangs, and another one beside it.

use crate::support::{US3_HEADER, World, arrived, eventually, us3};
use intake::ledger::State;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// What a file of another partner may take; the server that hangs is given up after 30 s.
const OTHERS_WAIT_MAX: Duration = Duration::from_secs(10);
/// Calls at once, as the annotation of the function has it.
const CALLS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_whose_server_hangs_does_not_hold_up_the_others() {
    let world = World::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = world.sshd.dir().join("partners.yml");
    let yaml = std::fs::read_to_string(&path).unwrap();
    let (before, of_us1) = yaml.split_once("  US1:\n").unwrap();
    let port = |port: u16| format!("port: {port},");
    let of_us1 =
        of_us1.replacen(&port(world.sshd.port()), &port(silent.local_addr().unwrap().port()), 1);
    std::fs::write(&path, format!("{before}  US1:\n{of_us1}")).unwrap();
    // A world of its own: which partners there are is read at the start.
    let router = file_transformer::build(&mut runtime::Env::from_pairs(world.settings())).await;
    let world = World { router: router.unwrap().into_router(), ..world };

    let backlog: Vec<_> = (0..1_000).map(|n| arrived("US1", &format!("{n}.csv"), 10)).collect();
    let start = Instant::now();
    let mut answers = tokio::task::JoinSet::new();
    let world = std::sync::Arc::new(world);
    for event in backlog.iter().take(CALLS).cloned() {
        let world = world.clone();
        answers.spawn(async move { world.call(&[event]).await });
    }
    // All but the partner's share of calls are free at once.
    for _ in 0..CALLS - 2 {
        let said = answers.join_next().await.unwrap().unwrap();
        assert_eq!(said, ["(wait) waiting for other files of the same partner"]);
    }
    for event in &backlog[CALLS..] {
        world.call(std::slice::from_ref(event)).await;
    }
    let event = world.put("US3", "a.csv", (US3_HEADER.to_owned() + &us3("1", 1)).as_bytes());
    world.done(&event).await;
    eprintln!("behind a thousand files of a partner that hangs: {:?}", start.elapsed());
    assert!(start.elapsed() < OTHERS_WAIT_MAX, "{:?}", start.elapsed());
    assert_eq!(answers.len(), 2, "the server still hangs");
    let said = answers.join_all().await;
    assert!(said.iter().flatten().all(|said| said.starts_with("(wait) ")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_a_backlog_has_its_turn() {
    let world = World::start().await;
    let put = |n: u32| {
        world.put(
            "US3",
            &format!("{n}.csv"),
            (US3_HEADER.to_owned() + &us3(&n.to_string(), 1)).as_bytes(),
        )
    };
    let mut waiting: Vec<_> = (0..40).map(put).collect();
    let us3 = domain::PartnerId::parse("US3").unwrap();
    eventually(async || {
        let said = world.call(&waiting).await;
        assert!(
            said.iter().all(|said| said.ends_with("waiting for other files of the same partner"))
        );
        let mut left = Vec::new();
        for event in std::mem::take(&mut waiting) {
            let arrival = event["data"]["arrival"].as_str().unwrap();
            let record = world.ledger.get(&us3, arrival).await.unwrap();
            if record.is_none_or(|record| record.state != State::Done) {
                left.push(event);
            }
        }
        assert_eq!(left.len(), said.len());
        waiting = left;
        waiting.is_empty().then_some(())
    })
    .await;
    assert_eq!(world.orders().await.len(), 40);
}
