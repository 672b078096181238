//! Processes that are killed, and servers that are away.

use crate::smtp::{Do, Mail, Smtp, Step};
use crate::support::{SECRETS, Served, World, ana, given, id, pairs, serve, setup, smtp};
use axum::body::Body;
use axum::http::Request;
use messaging::Nats;
use runtime::Env;
use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::cluster::Cluster;
use tower::ServiceExt as _;

/// The program itself, to be killed.
struct Process(Child);

impl Process {
    fn start(world: &World, settings: &[(String, String)]) -> Self {
        let secrets = world.dir.path().join("secrets");
        std::fs::create_dir_all(&secrets).unwrap();
        for (name, text) in SECRETS {
            std::fs::write(secrets.join(name), text).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_notifier"));
        command.envs(world.pairs(settings)).env("ORDERFLOW_SECRETS_DIR", secrets);
        command.envs([
            ("ORDERFLOW_PORT", "0"),
            ("ORDERFLOW_METRICS_PORT", "0"),
            ("ORDERFLOW_BIND", "127.0.0.1"),
        ]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Puts an event into the outbox, by a function that is not served and sends nothing.
async fn put(world: &World, event: &serde_json::Value, settings: &[(String, String)]) {
    let env = Env::from_pairs(world.pairs(settings));
    let mut env = SECRETS.iter().fold(env, |env, (name, text)| env.with_secret(name, text));
    let router = notifier::build(&mut env).await.unwrap().into_router();
    let request = Request::post("/")
        .header("authorization", "Bearer connector")
        .header("content-type", runtime::events::BATCH_JSON)
        .body(Body::from(json!([event]).to_string()))
        .unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// Kills the program at a step, and looks what another one makes of it.
async fn killed_at(step: Step) {
    let world = World::start().await;
    let is_first = Arc::new(AtomicBool::new(true));
    let hangs = Arc::clone(&is_first);
    // Behind the text the mail is taken before the program is killed: its answer is lost.
    let script = move |at: Step, _: &str, _: usize| match at {
        _ if at != step || !hangs.load(Ordering::Relaxed) => Do::Go,
        Step::Text => Do::TakeAndHang,
        _ => Do::Hang,
    };
    let server = Smtp::start(script).await;
    let mut settings = smtp(&server);
    settings.push(("ORDERFLOW_NOTIFIER_TIMEOUT_SECONDS".into(), "20".into()));
    let event = given("A1", ana()).confirmed(&world.nats).await;
    put(&world, &event, &settings).await;
    let first = Process::start(&world, &settings);
    server.reached(step, 1).await;
    first.kill();
    is_first.store(false, Ordering::Relaxed);
    let notifier = world.notifier(&smtp(&server)).await;
    let sent = notifier.delivery(id(&event), "mail", &["sent"]).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 1 + usize::from(step == Step::Text), "{step:?}");
    assert!(mails.windows(2).all(|two| two[0].header("Message-ID") == two[1].header("Message-ID")));
    // Nobody knows how far the one that was killed had come.
    assert_eq!((&sent["attempts"], &sent["unknown"]), (&json!(2), &json!(1)), "{step:?}");
    assert_eq!(world.told().await.len(), 1, "{step:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_at_any_step_sends_one_mail_and_at_most_one_more() {
    let steps = [Step::Greeting, Step::Ehlo, Step::From, Step::To, Step::Data, Step::Text];
    let tests = steps.map(|step| tokio::spawn(killed_at(step)));
    for test in tests {
        test.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_are_killed_again_and_again_send_each_mail() {
    const ORDERS: usize = 30;
    let world = World::start().await;
    let server = Smtp::good().await;
    let settings = smtp(&server);
    let mut events = Vec::new();
    for number in 0..ORDERS {
        events.push(given(&format!("A{number}"), ana()).confirmed(&world.nats).await);
    }
    let first = world.notifier(&settings).await;
    first.bring(&events[..10]).await;
    let second = world.notifier(&settings).await;
    server.taken(1).await;
    drop(first);
    second.bring(&events[5..20]).await;
    server.taken(5).await;
    let third = world.notifier(&settings).await;
    drop(second);
    third.bring(&events).await;
    for event in &events {
        third.delivery(id(event), "mail", &["sent"]).await;
    }
    // One that was under way when a replica ended may have come twice, under one id.
    let mails = server.mails();
    let mut ids: Vec<&str> =
        mails.iter().map(|mail: &Mail| mail.header("Message-ID").unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), ORDERS);
    let mut unknown = 0;
    for event in &events {
        let delivery = third.delivery(id(event), "mail", &["sent"]).await;
        unknown += usize::try_from(delivery["unknown"].as_u64().unwrap()).unwrap();
    }
    assert!(mails.len() - ORDERS <= unknown, "{} mails, {unknown} unknown", mails.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_gives_up_no_mail() {
    let world = World::start().await;
    let server = Smtp::good().await;
    let (port, settings) = (server.port, smtp(&server));
    drop(server);
    let notifier = world.notifier(&settings).await;
    let event = given("A1", ana()).confirmed(&world.nats).await;
    notifier.bring(std::slice::from_ref(&event)).await;
    let waiting = notifier.delivery(id(&event), "mail", &["waiting", "dead"]).await;
    assert!(waiting["answer"].as_str().unwrap().contains("Connection refused"), "{waiting}");
    let server = Smtp::on(port, |_, _, _| Do::Go, None, false).await;
    let again = json!({"id": waiting["id"]});
    assert_eq!(notifier.post("/deliveries/again", &again).await.status, 200);
    notifier.delivery(id(&event), "mail", &["sent"]).await;
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_that_lose_one_lose_and_double_no_mail() {
    let cluster = Cluster::with_rights(notifier::NAME, &notifier::RIGHTS);
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    setup(&nats, 3).await;
    let dir = tempfile::tempdir().unwrap();
    let server = Smtp::good().await;
    let notifier: Served =
        serve(pairs(&cluster.url_of(notifier::NAME), &dir, &smtp(&server))).await;
    let mut events = Vec::new();
    for number in 0..10 {
        events.push(given(&format!("A{number}"), ana()).confirmed(&nats).await);
    }
    notifier.bring(&events[..5]).await;
    let leader = cluster.members().stream_leader(messaging::streams::OUTBOX).unwrap();
    cluster.members().members_mut()[leader].kill();
    let until = std::time::Instant::now() + Duration::from_secs(90);
    loop {
        let answered = notifier.try_bring(&events).await;
        if answered.body["failed"] == json!([]) {
            break;
        }
        assert!(std::time::Instant::now() < until, "not taken within 90 s: {answered:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for event in &events {
        notifier.delivery(id(event), "mail", &["sent"]).await;
    }
    let mails = server.mails();
    let mut ids: Vec<_> =
        mails.iter().map(|mail| mail.header("Message-ID").unwrap().to_owned()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!((ids.len(), all), (10, 10));
}
