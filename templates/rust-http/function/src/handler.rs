//! What this function does.

use chassis::{Answer, Api, Body, Operation, Role, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Who {
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Greeting {
    text: String,
}

/// Its routes: each has a role, a scope, and types for what it takes and answers.
pub fn api() -> Api<()> {
    Api::default().at(Operation::post("/", "Greets", Role::Anyone, Scope::NoPartner), greet)
}

async fn greet(Body(who): Body<Who>) -> Answer<Greeting> {
    Answer::ok(0, &Greeting { text: format!("hello {}", who.name) })
}
