#![doc = include_str!("../README.md")]

mod hooks;
mod http;
mod kinds;
mod sign;
mod subscription;
mod watch;

pub use hooks::NAME;

use chassis::{Api, Operation, Role, Scope, Setup};
use hooks::Hooks;
use http::App;
use messaging::rights::{Reach, Rights};
use messaging::streams;
use outgoing::Client;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use sign::Secrets;
use state::effect::{self};
use std::sync::Arc;
use std::time::Duration;

/// Secret from which the signing secrets of subscriptions are derived. With another one all of them are others.
pub const SECRET: &str = "webhooks-key";
/// Fewest characters of that secret.
const SECRET_MIN: usize = 32;

/// Attempts at once at one endpoint.
const LANE_MAX: usize = 4;
/// Messages of one endpoint that are known at once. Later ones wait until half of these are done.
const LANE_OPEN_MAX: usize = 10_000;

/// The process, subscriptions, and what is open of the outbox: 100,000 messages take 20 MiB.
pub const MEMORY: Memory = Memory::new(96, 6);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Tells endpoints of shops what becomes of orders, files and invoices.",
    publishes: &["outbox.webhooks.>", "webhooks.>"],
    asks: &[streams::WEBHOOKS, streams::ORDERS],
    reads: &[streams::OUTBOX],
    writes_buckets: &[streams::EFFECTS, streams::SUBSCRIPTIONS, streams::REQUESTS],
    purges: &["KV_SUBSCRIPTIONS"],
    reaches: &[Reach::Web],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings or secrets are missing or wrong; everything is named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let setup = Setup::new(env, NAME);
    let key = setup.env.secret(SECRET);
    if key.as_ref().is_some_and(|key| key.expose().len() < SECRET_MIN) {
        setup.env.problem(SECRET, format!("has fewer than {SECRET_MIN} characters"));
    }
    let outgoing = outgoing::Settings::from_env(setup.env);
    let send_max = outgoing.limits.whole + Duration::from_secs(5);
    let client = match Client::new(outgoing) {
        Ok(client) => Some(client),
        Err(error) => {
            setup.env.problem("certificates", error.to_string());
            None
        }
    };
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let given = || Some((client?, key?));
    let streams = &[streams::OUTBOX, streams::WEBHOOKS, streams::ORDERS];
    let (mut chassis, (client, key)) = setup.connect(tokens, streams, given).await?;
    let subscriptions = chassis.records();
    let records = subscriptions.records().clone();
    let secrets = Secrets::new(&key);
    let hooks = Hooks { subscriptions: records.cache(), records, secrets, client };
    let settings = effect::Settings {
        send_max,
        lane_max: LANE_MAX,
        lane_open_max: LANE_OPEN_MAX,
        ..effect::Settings::default()
    };
    let effects = chassis.effects(hooks, settings);
    let watched = effects.clone();
    chassis.beside("silent endpoints", |stop| watch::run(watched, stop));
    Ok(chassis.serve(api(), Arc::new(App { effects, subscriptions }), MEMORY))
}

fn api() -> Api<Arc<App>> {
    let what = "Tells endpoints of events";
    let events = Operation::post("/", what, Role::Connector, Scope::AllPartners);
    let secret = Operation::get(
        "/subscriptions/{partner}/{id}/secret",
        "What messages are signed with",
        Role::Webhooks,
        Scope::Own,
    );
    let post = |path, what| Operation::post(path, what, Role::Webhooks, Scope::Own);
    let test = post("/subscriptions/{partner}/{id}/test", "Posts a test message at once");
    let path = "/subscriptions/{partner}/{id}/deliveries";
    let what = "What became of messages to an endpoint";
    let deliveries = Operation::get(path, what, Role::WebhooksRead, Scope::Own);
    let path = "/subscriptions/{partner}/{id}/deliveries/again";
    let again = post(path, "Sends messages to an endpoint again, under the same ids");
    Api::default()
        .at(events, http::told)
        .records(|app: &Arc<App>| &app.subscriptions)
        .at(secret, http::secret)
        .at(test, http::test)
        .at(deliveries, http::listed)
        .at(again, http::again)
        .effects(Role::WebhooksRead, Role::Webhooks, |app: &Arc<App>| &app.effects)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
