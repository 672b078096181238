//! What `setup` changes, what it leaves, and that a stream stays the same stream.

use crate::{connect, start};
use async_nats::jetstream::stream::{Config, Source};
use messaging::backlog::Backlog;
use messaging::publish::{self, Outgoing, Published};
use messaging::streams::identity::Identity;
use messaging::streams::{self, Done, INTAKE, INVOICES, Limit, ORDERS, Settings, Step};
use messaging::{Nats, subject};
use state::journal;
use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn config(nats: &Nats, stream: &str) -> Config {
    nats.js.get_stream(stream).await.unwrap().cached_info().config.clone()
}

async fn identity(nats: &Nats, stream: &str) -> Identity {
    Identity::of(nats.js.get_stream(stream).await.unwrap().cached_info())
}

async fn set_up(nats: &Nats, settings: Settings, name: &str) -> Step {
    let steps = streams::setup(nats, settings).await;
    steps.into_iter().find(|step| step.name == name).unwrap()
}

fn limit(text: &str) -> Settings {
    Settings::default().with([text.parse::<Limit>().unwrap()])
}

#[tokio::test]
async fn what_is_equal_is_not_touched_and_a_stream_stays_the_same_over_restarts() {
    let (server, mut nats) = start().await;
    let first = identity(&nats, ORDERS).await;
    assert!(!first.name.is_empty() && first.also.is_empty());
    for round in 0..4 {
        match round % 2 {
            0 => server.kill(),
            _ => drop(nats.js.publish("orders", "{}".into()).await.unwrap().await.unwrap()),
        }
        server.restart();
        nats = connect(&server).await;
        let before = nats.js.get_stream(ORDERS).await.unwrap().cached_info().created;
        for step in streams::setup(&nats, Settings::default()).await {
            assert_eq!((step.outcome, step.left), (Ok(Done::Present), vec![]), "{}", step.name);
        }
        let after = nats.js.get_stream(ORDERS).await.unwrap().cached_info().created;
        assert_eq!(before, after, "the server writes another time when a stream is updated");
        assert_eq!(identity(&nats, ORDERS).await, first);
    }
    // An update that is really one, and a restart after it.
    let step = set_up(&nats, limit("ORDERS:age=180d"), ORDERS).await;
    assert!(matches!(step.outcome, Ok(Done::Changed(_))), "{step}");
    server.restart();
    let nats = connect(&server).await;
    assert_eq!(identity(&nats, ORDERS).await, first);
}

#[tokio::test]
async fn a_stream_that_is_made_again_is_another_one() {
    let (_server, nats) = start().await;
    let first = identity(&nats, ORDERS).await;
    nats.js.delete_stream(ORDERS).await.unwrap();
    assert_eq!(set_up(&nats, Settings::default(), ORDERS).await.outcome, Ok(Done::Made));
    assert!(!identity(&nats, ORDERS).await.is(&first.name));
}

#[tokio::test]
async fn two_setups_at_once_agree_on_one_identity() {
    let server = testkit::nats::Server::start();
    let (one, two) = (connect(&server).await, connect(&server).await);
    let (a, b) = tokio::join!(
        streams::setup(&one, Settings::default()),
        streams::setup(&two, Settings::default())
    );
    for (a, b) in a.iter().zip(&b) {
        assert!(a.outcome.is_ok() && b.outcome.is_ok(), "{a} {b}");
    }
    assert_eq!(identity(&one, ORDERS).await, identity(&two, ORDERS).await);
}

#[tokio::test]
async fn what_an_installation_added_stays_when_something_is_changed() {
    let (_server, nats) = start().await;
    nats.js
        .create_stream(Config {
            name: "OLD".into(),
            subjects: vec!["old.>".into()],
            ..Default::default()
        })
        .await
        .unwrap();
    let mut config_of_files = config(&nats, "FILES").await;
    let marked = config_of_files.description.clone().unwrap();
    config_of_files.description = Some(format!("owned by team A {marked}"));
    config_of_files.metadata = HashMap::from([("team".to_owned(), "a".to_owned())]);
    config_of_files.sources = Some(vec![Source { name: "OLD".into(), ..Default::default() }]);
    config_of_files.max_age = DAY;
    config_of_files.max_messages = 1_000;
    nats.js.update_stream(&config_of_files).await.unwrap();

    let step = set_up(&nats, Settings::default(), "FILES").await;
    assert_eq!(step.to_string(), "✓ FILES changed: max_msgs 1000 -> -1");
    let after = config(&nats, "FILES").await;
    assert_eq!(after.description, Some(format!("owned by team A {marked}")));
    // nats-server 2.9 knows no metadata.
    assert!(after.metadata == config_of_files.metadata || after.metadata.is_empty());
    assert_eq!((&*after.sources.unwrap()[0].name, after.max_age), ("OLD", DAY));
    assert_eq!(set_up(&nats, Settings::default(), "FILES").await.outcome, Ok(Done::Present));
}

#[tokio::test]
async fn nothing_gets_smaller_unless_it_is_asked_for() {
    let (_server, nats) = start().await;
    let step = set_up(&nats, limit("ORDERS:age=180d,bytes=1GiB"), ORDERS).await;
    assert_eq!(step.to_string().matches("is left as it is").count(), 1, "{step}");
    assert!(step.to_string().contains("max_bytes is -1, not 1073741824"), "{step}");
    assert_eq!(config(&nats, ORDERS).await.max_age, DAY * 180);

    // Once said it stays so.
    let step = set_up(&nats, Settings::default(), ORDERS).await;
    assert_eq!((step.outcome, step.left), (Ok(Done::Present), vec![]));
    assert_eq!(config(&nats, ORDERS).await.max_age, DAY * 180);
    let step = set_up(&nats, limit("ORDERS:age=90d"), ORDERS).await;
    assert_eq!(step.left.len(), 1, "{step}");
    // A server that stands alone would take more copies, and lose the stream at its next start.
    let step = set_up(&nats, Settings::copies(3), ORDERS).await;
    assert!(step.refused, "{step}");
    assert!(step.outcome.unwrap_err().contains("stands alone"));

    let settings = Settings { shrink: true, ..limit("ORDERS:age=30d,bytes=1GiB") };
    assert!(set_up(&nats, settings, ORDERS).await.left.is_empty());
    let after = config(&nats, ORDERS).await;
    assert_eq!((after.max_age, after.max_bytes), (DAY * 30, 1 << 30));
}

/// What version 0.1.0 left: streams without a name, and positions by the server's creation time.
#[tokio::test]
async fn journals_of_version_0_1_0_know_their_stream_after_setup() {
    use domain::inventory::{Body, Identity as Of, Outcome, Verdict};
    use domain::{Kind, OrderId, PartnerId, WarehouseId};

    for made_again in [false, true] {
        let (_server, nats) = start().await;
        orders_as_they_were(&nats).await;
        let unmarked = |mut config: Config| {
            config.description = None;
            config
        };
        nats.js.update_stream(unmarked(config(&nats, ORDERS).await)).await.unwrap();
        let main = WarehouseId::main();
        nats.js.publish("orders.placed.main.US1.7", "{}".into()).await.unwrap().await.unwrap();
        let inventory = stock::journal(&nats, &main);
        let outcome = Outcome {
            sequence: 1,
            order: None,
            id: Some(Of {
                partner: PartnerId::parse("US1").unwrap(),
                order_id: OrderId::parse("7").unwrap(),
                kind: Kind::Sale,
                attempt: 1,
                file: None,
            }),
            verdict: Verdict::Confirmed(Vec::new()),
            in_force: None,
        };
        let old = journal::Position {
            stream: ORDERS.into(),
            identity: "2020-01-01T00:00:00Z".into(),
            filter: subject::placed(&main),
            sequence: 1,
        };
        let mut written = false;
        let decided = inventory.commit(|_| match std::mem::replace(&mut written, true) {
            true => journal::Decide::Answer(()),
            false => journal::Decide::Append {
                body: Body::Orders { outcomes: vec![outcome.clone()], checked: Default::default() },
                decided_to: Some(old.clone()),
            },
        });
        decided.await.unwrap();
        if made_again {
            nats.js.delete_stream(ORDERS).await.unwrap();
            let empty = Config {
                name: ORDERS.into(),
                subjects: vec!["orders".into(), "orders.*.>".into()],
                ..Default::default()
            };
            nats.js.create_stream(empty).await.unwrap();
            // Whoever writes next publishes the facts of the last entry again, in the new stream.
            let next = stock::journal(&nats, &main);
            let settled = next.commit(|view| match view.fresh {
                true => journal::Decide::Answer(()),
                false => journal::Decide::Refresh,
            });
            settled.await.unwrap();
            let fact = "orders.confirmed.main.US1.7";
            assert!(messaging::stored::last(&nats, ORDERS, fact).await.unwrap().is_some());
        }
        let before = identity(&nats, ORDERS).await;
        set_up(&nats, Settings::default(), ORDERS).await.outcome.unwrap();
        let after = identity(&nats, ORDERS).await;
        assert_eq!(after.name, before.name, "what other positions know stays its name");
        assert_eq!(after.is(&old.identity), !made_again, "{after:?}");
        let step = set_up(&nats, Settings::default(), ORDERS).await;
        assert_eq!(step.outcome, Ok(Done::Present), "named once");
    }
}

/// As version 0.1.0 has it: `ORDERS` keeps the subject `orders`.
async fn orders_as_they_were(nats: &Nats) {
    nats.js.delete_stream(INTAKE).await.unwrap();
    let mut config = config(nats, ORDERS).await;
    config.subjects.push(subject::ORDERS.to_owned());
    nats.js.update_stream(config).await.unwrap();
}

#[tokio::test]
async fn the_subject_orders_goes_over_to_a_stream_of_its_own_while_orders_come() {
    let (server, nats) = start().await;
    orders_as_they_were(&nats).await;
    let before = identity(&nats, ORDERS).await;
    let (enough, sending) = (std::sync::atomic::AtomicBool::new(false), connect(&server).await);
    let is_over = || enough.load(std::sync::atomic::Ordering::Relaxed);
    // A client that waits for the acknowledgement publishes again if none comes.
    let send = async {
        let (mut sent, mut again) = (0, 0);
        while !is_over() || sent == 0 {
            let message = Outgoing::new(subject::ORDERS.into(), sent.to_string().into());
            match publish::one(&sending, &message, None).await {
                Ok(Published::Stored(_)) => sent += 1,
                Ok(Published::Occupied) => unreachable!("nothing is expected"),
                Err(unclear) => {
                    assert!(!unclear.is_too_large(), "no verdict: {unclear}");
                    again += 1;
                }
            }
        }
        (sent, again)
    };
    let set_up = async {
        while messages(&nats, ORDERS).await < 100 {
            tokio::task::yield_now().await;
        }
        let step = set_up(&nats, Settings::default(), INTAKE).await;
        assert!(matches!(step.outcome, Ok(Done::TookOver(_))), "{step}");
        while messages(&nats, INTAKE).await < 100 {
            tokio::task::yield_now().await;
        }
        enough.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let ((sent, again), ()) = tokio::join!(send, set_up);
    let kept = messages(&nats, ORDERS).await + messages(&nats, INTAKE).await;
    assert!(sent <= kept && kept <= sent + again, "{sent} sent, {again} again, {kept} kept");
    let (mut read, each) = (0, messages(&nats, ORDERS).await);
    messaging::tail::read(&nats, ORDERS, subject::ORDERS, 1, false, |_| read += 1).await.unwrap();
    assert_eq!(read, each, "what ORDERS holds of it can be read");
    assert_eq!(config(&nats, INTAKE).await.subjects, [subject::ORDERS]);
    assert!(!config(&nats, ORDERS).await.subjects.contains(&subject::ORDERS.to_owned()));
    assert_eq!(identity(&nats, ORDERS).await, before, "it is the same stream");
    for step in streams::setup(&nats, Settings::default()).await {
        assert_eq!((step.outcome, step.left), (Ok(Done::Present), vec![]), "{}", step.name);
    }
}

async fn messages(nats: &Nats, stream: &str) -> u64 {
    let found = nats.js.get_stream(stream).await;
    found.map_or(0, |stream| stream.cached_info().state.messages)
}

#[tokio::test]
async fn a_subject_that_cannot_go_over_stays_where_it_is() {
    let (server, nats) = start().await;
    orders_as_they_were(&nats).await;
    let before = config(&nats, ORDERS).await.subjects;
    configure(
        &server,
        "authorization { users: [\
         {user: me, password: me, permissions: {publish: {deny: \"$JS.API.STREAM.CREATE.INTAKE\"}}},\
         {user: all, password: all}] }",
    )
    .await;
    let with = |login: &str| server.url().replace("nats://", &format!("nats://{login}@"));
    let nats = Nats::connect(&with("me:me"), "test", false).await.unwrap();
    // It is also asked to give up what it keeps too much.
    let steps = streams::setup(&nats, Settings { shrink: true, ..Settings::default() }).await;
    for name in [INTAKE, ORDERS] {
        let step = steps.iter().find(|step| step.name == name).unwrap();
        assert!(step.outcome.is_err(), "{step}");
    }
    assert_eq!(sorted(config(&nats, ORDERS).await.subjects), sorted(before));
    let kept = nats.js.publish("orders", "{}".into()).await.unwrap().await.unwrap();
    assert_eq!(kept.stream, ORDERS);
    let nats = Nats::connect(&with("all:all"), "test", false).await.unwrap();
    let step = set_up(&nats, Settings::default(), INTAKE).await;
    assert!(matches!(step.outcome, Ok(Done::TookOver(_))), "{step}");
}

/// Adds `text` to the server's configuration, and waits until nobody comes in without a login.
async fn configure(server: &testkit::nats::Server, text: &str) {
    let path = server.dir().join("nats-server.conf");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}{text}\n")).unwrap();
    let pid = server.pid().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(30);
    while Nats::connect(&server.url(), "test", false).await.is_ok() {
        assert!(Instant::now() < deadline, "it still lets everybody in");
    }
}

fn sorted(mut subjects: Vec<String>) -> Vec<String> {
    subjects.sort();
    subjects
}

#[tokio::test]
async fn subjects_become_wider_and_a_consumer_reads_all_of_a_warehouse() {
    let (_server, nats) = start().await;
    for (stream, older) in [
        (ORDERS, &["orders.placed.>", "orders.confirmed.>", "orders.refused.>"][..]),
        (INVOICES, &["invoices.issued.>"][..]),
    ] {
        let mut config = config(&nats, stream).await;
        config.subjects = older.iter().map(|subject| (*subject).to_owned()).collect();
        nats.js.update_stream(config).await.unwrap();
        let step = set_up(&nats, Settings::default(), stream).await;
        assert!(matches!(step.outcome, Ok(Done::Changed(_))) && step.left.is_empty(), "{step}");
    }
    for subject in
        ["orders.placed.main.US1.1", "orders.placed.west.US1.1", "orders.refused.main.US1.1"]
    {
        nats.js.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    }
    let backlog = Backlog::of_lane(&nats, ORDERS, "orders.*.main.>", 0).await.unwrap();
    assert_eq!(backlog.count(), 2);
}

#[tokio::test]
async fn a_subject_that_is_missing_is_added_beside_those_of_the_installation() {
    let (_server, nats) = start().await;
    let mut older = config(&nats, ORDERS).await;
    // As a release had it that knew no returns and no lane of invoices.
    let subjects = ["orders.placed.>", "orders.confirmed.>", "orders.refused.>", "orders.ours"];
    older.subjects = subjects.map(str::to_owned).into();
    nats.js.update_stream(older).await.unwrap();
    let step = set_up(&nats, Settings::default(), ORDERS).await;
    assert!(matches!(step.outcome, Ok(Done::Changed(_))) && step.left.len() == 1, "{step}");
    let subjects = config(&nats, ORDERS).await.subjects;
    assert_eq!(sorted(subjects), ["orders.*.>", "orders.ours"]);
    let step = set_up(&nats, Settings::default(), ORDERS).await;
    assert_eq!((step.outcome, step.left.len()), (Ok(Done::Present), 1));
}
