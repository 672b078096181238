//! A whole function: it greets each confirmed order, and says how many it has greeted.

use axum::extract::State;
use chassis::{Answer, Api, Counts, Kind, NotDone, Operation, Role, Scope, Setup, each};
use messaging::rights::Rights;
use messaging::{Event, streams};
use runtime::events::{self, Batch};
use runtime::{BuildError, Env, Function, Memory, Problem, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Its name in `stack.yml`.
pub const NAME: &str = "greeter";
/// Beside bodies: the process.
pub const MEMORY: Memory = Memory::new(32, 2);
/// What it does at NATS.
pub const RIGHTS: Rights = Rights { about: "Greets.", asks: &[streams::ORDERS], ..Rights::NONE };

/// Makes the function.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let setup = Setup::new(env, NAME);
    let greeting = setup.env.or("GREETER_GREETING", "hello".to_owned());
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let (mut chassis, greeting) =
        setup.connect(tokens, &[streams::ORDERS], || Some(greeting)).await?;
    let counts =
        Counts::register(&mut chassis.registry, "greeter_orders", "Orders by what was said");
    let app = App { greeting, counts, greeted: AtomicU64::new(0) };
    Ok(chassis.serve(api(), Arc::new(app), MEMORY))
}

fn api() -> Api<Arc<App>> {
    let look = Operation::get("/", "How many were greeted", Role::OrdersRead, Scope::AllPartners);
    let greet = Operation::post("/", "Greets orders", Role::Connector, Scope::AllPartners);
    Api::default().at(look, how_many).at(greet, receive)
}

/// What its routes do, for the documents.
pub fn operations() -> Vec<Operation> {
    api().operations()
}

struct App {
    greeting: String,
    counts: Counts<Said>,
    greeted: AtomicU64,
}

#[derive(Clone, Copy)]
enum Said {
    Greeted,
}

impl Kind for Said {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Greeted].into_iter()
    }

    fn label(self) -> &'static str {
        "greeted"
    }
}

// Here the business begins.

#[derive(Serialize, JsonSchema)]
struct Greeted {
    orders: u64,
}

async fn how_many(State(app): State<Arc<App>>) -> Result<Answer<Greeted>, Problem> {
    Ok(Answer::ok(0, &Greeted { orders: app.greeted.load(Ordering::Relaxed) }))
}

#[derive(Deserialize)]
struct Confirmed {
    order_id: String,
}

async fn receive(State(app): State<Arc<App>>, batch: Batch) -> events::Answer {
    each(&batch, &["orderflow.order.confirmed.v1"], 8, async |event: Event<Confirmed>| {
        let order = event.data.ok_or_else(|| NotDone::Reject("has no data".to_owned()))?;
        tracing::info!(order = order.order_id, "{}", app.greeting);
        app.greeted.fetch_add(1, Ordering::Relaxed);
        app.counts.add(Said::Greeted);
        Ok(())
    })
    .await
}

fn main() -> ExitCode {
    runtime::run(NAME, build)
}
