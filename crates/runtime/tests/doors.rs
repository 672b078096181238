//! Requests without the right token are refused.

#![cfg(test)]

mod support;

use axum::extract::{FromRequest as _, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use runtime::events::{Answer, Batch, OrderedAnswer};
use runtime::{Caller, Door, Function, Problem, Routes, ServerSettings};
use std::time::Duration;
use support::{Reply, Running, request};

/// An endpoint with two doors, like that of order-ingest: events only from the connector, the rest from
/// anyone.
async fn ingest(caller: Caller, request: Request) -> Response {
    if !Batch::is_announced(request.headers()) {
        return format!("{caller:?}").into_response();
    }
    if let Err(refused) = caller.enter(Door::Connector) {
        return refused.into_response();
    }
    match Batch::from_request(request, &()).await {
        Ok(Batch { events, .. }) => format!("{} events", events.len()).into_response(),
        Err(refused) => refused,
    }
}

async fn decide(batch: Batch) -> Result<OrderedAnswer, Problem> {
    let position = batch.position.ok_or_else(|| Problem::bad_request("no position"))?;
    let mine = OrderedAnswer { decided_to: 7 };
    if mine.decided_to < position.after {
        return Err(mine.conflict("a gap before this batch"));
    }
    Ok(mine)
}

async fn reject_all(batch: Batch) -> Answer {
    let mut answer = Answer::done();
    for event in &batch.events {
        answer.retry(event, "not today", Some(Duration::from_secs(5)));
    }
    answer
}

async fn started() -> Running {
    let settings = ServerSettings { grace: Duration::ZERO, ..ServerSettings::ephemeral() };
    let routes = Routes::new(support::tokens())
        .at(Door::Open, "/", post(ingest))
        .at(Door::Connector, "/events", post(reject_all))
        .at(Door::Connector, "/ordered", post(decide))
        .at(Door::Read, "/files", get(async || "files"))
        .at(Door::Admin, "/files", post(async || "changed"));
    Running::start(Function::new("doors", routes), settings).await
}

async fn call(running: &Running, line: &str, headers: &[&str], body: &str) -> Reply {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let len = body.len();
    let head = format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: {len}\r\n{headers}\r\n");
    request(running.addr, &format!("{head}{body}")).await
}

#[tokio::test]
async fn each_route_opens_for_its_tokens_only() {
    let running = started().await;
    let check = async |line: &str, token: &str, expected: u16| {
        let header = format!("authorization: Bearer {token}");
        let headers = if token.is_empty() { vec![] } else { vec![header.as_str()] };
        let reply = call(&running, line, &headers, "").await;
        assert_eq!(reply.status, expected, "{line} with {token:?}");
        if matches!(expected, 401 | 403) {
            reply.assert_problem(expected);
            assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"), "{reply:?}");
            // An error names the secrets, but never contains them.
            assert!(reply.body.contains("needs"), "{reply:?}");
            let body = reply.body.replace("connector-token", "");
            for secret in ["c-token", "r-token", "a-token"] {
                assert!(!body.contains(secret), "{reply:?}");
            }
        }
    };
    for (line, tokens) in [
        (
            "GET /files",
            [("", 401), ("x", 401), ("c-token", 403), ("r-token", 200), ("a-token", 200)],
        ),
        (
            "POST /files",
            [("", 401), ("x", 401), ("c-token", 403), ("r-token", 403), ("a-token", 200)],
        ),
        (
            "POST /events",
            [("", 401), ("x", 401), ("r-token", 403), ("a-token", 403), ("c-token", 415)],
        ),
        (
            "GET /nowhere",
            [("", 404), ("x", 404), ("r-token", 404), ("a-token", 404), ("c-token", 404)],
        ),
    ] {
        for (token, expected) in tokens {
            check(line, token, expected).await;
        }
    }
    running.ended().await.unwrap();
}

#[tokio::test]
async fn one_path_may_be_open_for_some_and_closed_for_events() {
    let running = started().await;
    let batch = "content-type: application/cloudevents-batch+json";
    let token = "authorization: Bearer c-token";
    let events = r#"[{"id":"a"},{"id":"b"}]"#;
    assert_eq!(call(&running, "POST /", &[], "{}").await.body, "Anyone");
    assert_eq!(call(&running, "POST /", &[token], "{}").await.body, "Connector");
    assert_eq!(call(&running, "POST /", &["authorization: Basic x"], "{}").await.body, "Stranger");
    assert_eq!(call(&running, "POST /", &[batch, token], events).await.body, "2 events");
    call(&running, "POST /", &[batch], events).await.assert_problem(401);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_batch_is_read_and_answered_event_by_event() {
    let running = started().await;
    let token = "authorization: Bearer c-token";
    let batch = "Content-Type: application/cloudevents-batch+json; charset=utf-8";
    let one = "content-type: application/cloudevents+json";
    let reply = call(&running, "POST /events", &[token, batch], r#"[{"id":"a"},{"id":"b"}]"#).await;
    let failed = |id: &str| serde_json::json!({"id": id, "reason": "not today", "retry": true, "after": "5s"});
    assert_eq!(reply.json(), serde_json::json!({"failed": [failed("a"), failed("b")]}));
    let reply = call(&running, "POST /events", &[token, one], r#"{"id":"a","data":{}}"#).await;
    assert_eq!(reply.json(), serde_json::json!({"failed": [failed("a")]}));
    for bad in ["", "{}", "[{}]", "[7]", r#"[{"id":""}]"#, r#"[{"id":7}]"#, r#"[{"id":"a"}"#] {
        call(&running, "POST /events", &[token, batch], bad).await.assert_problem(400);
    }
    let reply = call(&running, "POST /events", &[token, batch], r#"[{"id":"a"},{}]"#).await;
    assert_eq!(reply.json()["errors"][0]["field"], "[1].id");
    running.ended().await.unwrap();
}

#[tokio::test]
async fn an_ordered_batch_has_its_position() {
    let running = started().await;
    let token = "authorization: Bearer c-token";
    let batch = "content-type: application/cloudevents-batch+json";
    let ordered = async |after: &str| {
        call(&running, "POST /ordered", &[token, batch, &format!("Orderflow-After: {after}")], "[]")
            .await
    };
    assert_eq!(OrderedAnswer::parse(ordered("7").await.body.as_bytes()).unwrap().decided_to, 7);
    let refused = ordered("8").await;
    refused.assert_problem(409);
    assert_eq!(OrderedAnswer::parse(refused.body.as_bytes()).unwrap().decided_to, 7);
    for bad in ["-1", "x", "18446744073709551616"] {
        ordered(bad).await.assert_problem(400);
    }
    running.ended().await.unwrap();
}
