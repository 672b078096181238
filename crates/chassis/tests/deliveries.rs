//! What became of messages to the world outside, over HTTP, through the shell.
#![cfg(test)]

use axum::body::Body;
use axum::http::{Request, header};
use chassis::{Api, Role, Setup};
use http_body_util::BodyExt as _;
use messaging::{Event, Nats, streams};
use runtime::{Env, Memory, Server, ServerSettings, Tokens};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use state::effect::{Answer, Attempt, Effects, Outside, Settings, Target};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower::ServiceExt as _;

/// Refuses the first attempt at each message.
struct Hooks;

impl Outside for Hooks {
    type Message = String;

    const FUNCTION: &'static str = "hooks";

    async fn targets(&self, event: &Event) -> Result<Vec<(Target, String)>, String> {
        Ok(vec![(Target::id("shop"), event.id.clone())])
    }

    async fn send(&self, _: &str, _: &String, attempt: &Attempt) -> Answer {
        match attempt.number {
            1 => Answer::Never { why: "410 gone".into() },
            _ => Answer::Sent { answer: "200".into() },
        }
    }
}

type App = Arc<Effects<Hooks>>;

fn api() -> Api<App> {
    Api::default().effects(Role::WebhooksRead, Role::Webhooks, |app: &App| app)
}

/// The function is served, and so sends.
async fn start() -> (testkit::nats::Server, Nats, App, Server) {
    let server = testkit::nats::Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    let mut env = Env::from_pairs([("ORDERFLOW_NATS_URL", server.url())])
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin");
    let setup = Setup::new(&mut env, "hooks");
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let (mut chassis, ()) = setup.connect(tokens, &[], || Some(())).await.unwrap();
    let app = Arc::new(chassis.effects(Hooks, Settings::default()));
    let function = chassis.serve(api(), Arc::clone(&app), Memory::default());
    let served = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
    (server, nats, app, served)
}

async fn ask(app: &App, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut env = Env::from_pairs([("", ""); 0])
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin");
    let tokens = Tokens::from_env(&mut env, &api().doors());
    let routes = api().into_routes(tokens, Arc::clone(app));
    let router = runtime::Function::new("hooks", routes).into_router();
    let request = Request::builder().method(method).uri(path);
    let request = request.header(header::AUTHORIZATION, "Bearer admin");
    let response = router.oneshot(request.body(Body::from(body.to_string())).unwrap()).await;
    let response = response.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Waits until so many deliveries are in a state.
async fn until(app: &App, state: &str, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (status, page) =
            ask(app, "GET", &format!("/deliveries?state={state}"), &json!({})).await;
        let found = page["deliveries"].as_array().cloned().unwrap_or_default();
        if status == 200 && found.len() == count {
            return found;
        }
        assert!(Instant::now() < deadline, "not within 60 s: {page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_listed_and_sent_again_one_by_one_or_all_since() {
    let (_server, _nats, app, served) = start().await;
    let metrics = served.metrics_addr();
    let serving = tokio::spawn(served.serve(std::future::pending()));
    for n in 0..3 {
        let data = RawValue::from_string("{}".to_owned()).unwrap();
        let event = Event::new(format!("e{n}"), "/test", "orderflow.test.v1", "test", data);
        app.accept(&event).await.unwrap();
    }
    let failed = until(&app, "failed", 3).await;
    assert_eq!(failed[0]["answer"], "410 gone");
    let (_, page) = ask(&app, "GET", "/deliveries?limit=2", &json!({})).await;
    let (_, rest) =
        ask(&app, "GET", &format!("/deliveries?limit=2&cursor={}", page["next"]), &json!({})).await;
    assert_eq!((rest["deliveries"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));

    let again = async |body: Value| ask(&app, "POST", "/deliveries/again", &body).await;
    let (status, asked) = again(json!({"id": failed[0]["id"]})).await;
    assert_eq!((status, asked), (200, json!({"again": 1, "gone": 0, "under_way": 0})));
    let sent = until(&app, "sent", 1).await;
    assert_eq!((&sent[0]["key"], &sent[0]["attempts"]), (&failed[0]["key"], &json!(2)));
    let (status, asked) = again(json!({"since": "2020-01-01T00:00:00Z"})).await;
    assert_eq!((status, &asked["again"]), (200, &json!(2)));
    until(&app, "sent", 3).await;

    for (body, status, field) in [
        (json!({}), 422, "since"),
        (json!({"id": "x", "lane": "shop"}), 422, "id"),
        (json!({"state": "lost", "since": "2020-01-01T00:00:00Z"}), 422, "state"),
    ] {
        let (answered, problem) = again(body).await;
        assert_eq!(
            (answered, &problem["errors"][0]["field"]),
            (status, &json!(field)),
            "{problem}"
        );
    }
    assert_eq!(again(json!({"id": "hooks.shop.e0.x.-"})).await.0, 404);
    for (query, words) in [
        ("limit=0", "limit: \"0\" is not a number from 1 to 1000"),
        ("limit=huge", "limit: \"huge\" is not a number from 1 to 1000"),
        ("cursor=x", "cursor: \"x\" is not the `next` of a page"),
        ("state=lost", "lost"),
        ("colour=1", "colour"),
    ] {
        let (status, problem) = ask(&app, "GET", &format!("/deliveries?{query}"), &json!({})).await;
        assert_eq!(status, 400, "{query} {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{query} {problem}");
    }

    let mut stream = TcpStream::connect(metrics).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    for line in ["{outcome=\"failed\"} 3", "{outcome=\"sent\"} 3", "{outcome=\"dead\"} 0"] {
        assert!(text.contains(&format!("effect_attempts_total{line}")), "{text}");
    }
    serving.abort();
}
