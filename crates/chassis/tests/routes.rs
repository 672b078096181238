//! Routes as they are served, and the documents that are made of them.
#![cfg(test)]

use axum::extract::State;
use axum::http::{Request, StatusCode};
use chassis::{Answer, Api, Body, Operation, Query, Role, Scope, openapi};
use http_body_util::BodyExt as _;
use runtime::door::{ADMIN_TOKEN, READ_TOKEN};
use runtime::{Env, Function, Problem, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[derive(Deserialize, JsonSchema)]
struct Filter {
    /// Which product.
    product: String,
    limit: Option<u8>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Set {
    levels: Vec<Level>,
}

#[derive(Deserialize, JsonSchema)]
struct Level {
    pieces: u32,
}

#[derive(Serialize, JsonSchema)]
struct Stock {
    product: String,
    pieces: u32,
}

async fn look(
    State(pieces): State<u32>,
    Query(filter): Query<Filter>,
) -> Result<Answer<Stock>, Problem> {
    let pieces = pieces + u32::from(filter.limit.unwrap_or_default());
    Ok(Answer::ok(0, &Stock { product: filter.product, pieces }))
}

async fn set(State(_): State<u32>, Body(set): Body<Set>) -> Result<Answer<Stock>, Problem> {
    let pieces = set.levels.iter().map(|level| level.pieces).sum();
    Ok(Answer::created(&Stock { product: "all".to_owned(), pieces }))
}

fn api() -> Api<u32> {
    let look_at = Operation::get("/stock", "Looks", Role::StockRead, Scope::NoPartner);
    Api::default()
        .at(look_at, look)
        .at(Operation::put("/stock", "Sets", Role::Stock, Scope::NoPartner).bodies_up_to(100), set)
}

async fn call(method: &str, path: &str, token: &str, body: &str) -> (StatusCode, Value) {
    let mut env = Env::from_pairs([("", ""); 0])
        .with_secret(READ_TOKEN, READ_TOKEN)
        .with_secret(ADMIN_TOKEN, ADMIN_TOKEN);
    let tokens = Tokens::from_env(&mut env, &api().doors());
    let router = Function::new("stock", api().into_routes(tokens, 7)).into_router();
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    let answer = router
        .oneshot(request.body(axum::body::Body::from(body.to_owned())).unwrap())
        .await
        .unwrap();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn a_route_is_open_to_its_role_only() {
    let (status, stock) = call("GET", "/stock?product=P1&limit=2", READ_TOKEN, "").await;
    assert_eq!((status, stock), (StatusCode::OK, json!({"product": "P1", "pieces": 9})));
    let body = r#"{"levels": [{"pieces": 1}, {"pieces": 4}]}"#;
    let (status, stock) = call("PUT", "/stock", ADMIN_TOKEN, body).await;
    assert_eq!((status, &stock["pieces"]), (StatusCode::CREATED, &json!(5)));
    assert_eq!(call("PUT", "/stock", READ_TOKEN, body).await.0, StatusCode::FORBIDDEN);
    assert_eq!(call("GET", "/stock?product=P1", "x", "").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_cannot_be_read_names_the_field() {
    let (status, problem) =
        call("PUT", "/stock", ADMIN_TOKEN, r#"{"levels": [{"pieces": 1}, {"pieces": -4}]}"#).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "levels[1].pieces");
    let (status, problem) = call("GET", "/stock?limit=many", READ_TOKEN, "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(problem["detail"].as_str().unwrap().contains("query"), "{problem}");
}

#[test]
fn the_documents_say_who_may_call_what_with_which_types() {
    let functions = [("shop", api().operations())];
    let document = openapi::document(&functions);
    let look = &document["paths"]["/function/shop/stock"]["get"];
    assert_eq!(look["x-roles"], json!(["stock:read"]));
    assert_eq!(look["parameters"][1]["name"], "product");
    assert_eq!(look["parameters"][1]["required"], true);
    assert_eq!(look["parameters"][1]["description"], "Which product.");
    let set = &document["paths"]["/function/shop/stock"]["put"];
    let taken = &set["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(taken, "#/components/schemas/Set");
    assert!(document["components"]["schemas"]["Level"]["properties"]["pieces"].is_object());
    let roles = openapi::roles(&functions);
    let line = "| `PUT /function/shop/stock` | stock | api-token-admin | none |";
    assert!(roles.contains(line), "{roles}");
}
