//! The ledger on a real nats-server.
#![cfg(test)]

use chrono::{DateTime, TimeDelta, Utc};
use domain::PartnerId;
use intake::ledger::{Claimed, Content, Error, Ledger, Outcome, Record, Refusal, State};
use messaging::{Nats, streams};
use testkit::nats::Server;

fn us1() -> PartnerId {
    PartnerId::parse("US1").unwrap()
}

fn record(arrival: &str) -> Record {
    Record::new(arrival.into(), us1(), "orders.csv".into(), 10, 20, now())
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_000_000, 0).unwrap()
}

async fn open(server: &Server) -> Ledger {
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    Ledger::new(&nats)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_workers_one_gets_the_file() {
    let server = Server::start();
    let ledger = open(&server).await;
    ledger.arrive(record("a1")).await.unwrap();
    let claims = (0..8).map(|worker| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            let claimed = ledger.claim(&us1(), "a1", &format!("w{worker}"), now()).await.unwrap();
            matches!(claimed, Claimed::Yes(_))
        })
    });
    let mut winners = 0;
    for claim in claims.collect::<Vec<_>>() {
        winners += u32::from(claim.await.unwrap());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn a_file_goes_its_way_and_a_worker_that_was_overtaken_cannot_write() {
    let server = Server::start();
    let ledger = open(&server).await;
    ledger.arrive(record("a1")).await.unwrap();
    let Claimed::Yes(mut slow) = ledger.claim(&us1(), "a1", "slow", now()).await.unwrap() else {
        panic!("nobody else holds it")
    };
    let later = now() + TimeDelta::seconds(31);
    let Claimed::Yes(mut held) = ledger.claim(&us1(), "a1", "quick", later).await.unwrap() else {
        panic!("the lease has ended")
    };
    let late = ledger.write(&mut slow, |r| r.judge("slow", later, Outcome::Accepted)).await;
    assert!(matches!(late, Err(Error::Overtaken(_))), "{late:?}");
    ledger.write(&mut held, |r| r.judge("quick", later, Outcome::Accepted)).await.unwrap();
    while let Some(next) = held.record().next() {
        ledger.write(&mut held, |r| r.advance("quick", later, next)).await.unwrap();
    }
    let done = ledger.get(&us1(), "a1").await.unwrap().unwrap();
    assert_eq!((done.state, &done), (State::Done, held.record()));
    // Seen again, it stays what it is.
    assert_eq!(ledger.arrive(record("a1")).await.unwrap(), done);
    let again = ledger.claim(&us1(), "a1", "w", later).await.unwrap();
    assert!(matches!(again, Claimed::No(Refusal::Finished(State::Done), _)), "{again:?}");
    assert!(matches!(ledger.claim(&us1(), "a2", "w", later).await, Err(Error::Missing(_))));
    ledger.arrive(record("a2")).await.unwrap();
    let mut names: Vec<_> = ledger.all().await.unwrap().into_iter().map(|r| r.arrival).collect();
    names.sort();
    assert_eq!(names, ["a1", "a2"]);
}

#[tokio::test]
async fn content_belongs_to_the_arrival_that_came_first_and_to_its_partner() {
    let server = Server::start();
    let ledger = open(&server).await;
    let content =
        |arrival: &str| Content { arrival: arrival.into(), name: "x.csv".into(), at: now() };
    assert_eq!(ledger.content(&us1(), "abc").await.unwrap(), None);
    assert_eq!(ledger.remember(&us1(), "abc", content("a1")).await.unwrap(), content("a1"));
    assert_eq!(ledger.remember(&us1(), "abc", content("a2")).await.unwrap(), content("a1"));
    let us2 = PartnerId::parse("US2").unwrap();
    assert_eq!(ledger.remember(&us2, "abc", content("b1")).await.unwrap(), content("b1"));
    assert_eq!(ledger.content(&us1(), "abc").await.unwrap(), Some(content("a1")));
}

#[tokio::test]
async fn the_ledger_survives_a_kill_of_the_server() {
    let server = Server::start();
    let ledger = open(&server).await;
    ledger.arrive(record("a1")).await.unwrap();
    server.kill();
    assert!(ledger.get(&us1(), "a1").await.is_err());
    server.restart();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match ledger.get(&us1(), "a1").await {
            Ok(found) => break assert_eq!(found.unwrap().arrival, "a1"),
            Err(error) => assert!(std::time::Instant::now() < deadline, "{error}"),
        }
    }
}
