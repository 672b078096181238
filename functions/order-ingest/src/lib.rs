#![doc = include_str!("../README.md")]

mod again;
mod app;
mod check;
mod envelope;
mod http;
mod keyed;
mod media;
mod outcome;
mod persons;
mod place;
mod placed;
mod priced;
mod prices;

pub use check::placement;

use app::App;
use chassis::{Api, Counts, Operation, Role, Scope, Setup};
use domain::PartnerId;
use domain::order::Terms;
use domain::partner::Partners;
use envelope::Types;
use keyed::Keyed;
use messaging::persons::{SECRET, SECRET_MIN};
use messaging::rights::Rights;
use messaging::streams;
use prices::Catalogue;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Its name in `stack.yml`.
pub const NAME: &str = "order-ingest";
/// Beside bodies: the process, and the orders that are being read. A body is here as it came, as events,
/// as orders, as messages, and as what the client of NATS has not sent yet.
pub const MEMORY: Memory = Memory::new(24 + 8 * READING_MAX as u64, 6);
/// Requests whose orders are read at a time; an order of 256 KiB takes up to 8 MiB meanwhile.
const READING_MAX: usize = 4;

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "The only one that places orders: each once, which order-processor relies on.",
    publishes: &["orders.placed.>", "errors.conflict.>", "errors.alert.>"],
    reads: &[streams::ORDERS],
    writes_buckets: &[streams::PERSONS],
    reads_buckets: &[streams::PRODUCTS],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings are missing, or the partners cannot be used; every problem is named with its place.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let partners = setup.partners();
    let open = setup.env.or("ORDERFLOW_OPEN_INGEST", false);
    let types = Types::with(&setup.env.or("ORDERFLOW_ORDER_TYPES", String::new()));
    let keyed = keyed(setup.env);
    let api = api(open);
    let tokens = Tokens::from_env(setup.env, &api.doors());
    let (mut chassis, (partners, keyed)) =
        setup.connect(tokens, &[streams::ORDERS], || Some((partners?, keyed?))).await?;
    let received =
        Counts::register(&mut chassis.registry, "orders_received", "Orders by what became of them");
    let found = Counts::register(
        &mut chassis.registry,
        "orders_price_differs",
        "Orders whose prices are not the catalogue's, by what became of them",
    );
    let app = App {
        catalogue: Catalogue::new(chassis.nats.clone(), found),
        nats: chassis.nats.clone(),
        store: Arc::clone(&chassis.store),
        terms: chassis.follow(partners, |now| terms(&now.partners)),
        types,
        keyed,
        reading: Semaphore::new(READING_MAX),
        received,
    };
    Ok(chassis.serve(api, Arc::new(app), MEMORY))
}

/// The key of pseudonyms.
fn keyed(env: &mut Env) -> Option<Keyed> {
    let secret = env.secret(SECRET)?;
    let count = secret.expose().chars().count();
    if count < SECRET_MIN {
        let reason =
            format!("has {count} characters; at least {SECRET_MIN} random ones are needed");
        env.problem(format!("secret {SECRET}"), reason);
        return None;
    }
    Some(Keyed::new(secret.expose()))
}

/// With `open` anybody may place orders.
fn api(open: bool) -> Api<Arc<App>> {
    let order = if open { Role::Anyone } else { Role::OrdersWrite };
    let place = Operation::post("/", "Places an order", order, Scope::Own)
        .or(Role::Connector, http::entrance(order.door()));
    let retry = "Tries a refused order again";
    let cancel = "Cancels an order; its stock moves back";
    let amend = "Gives an order another content, in one decision";
    let amend = Operation::post("/amend", amend, Role::Admin, Scope::OnePartner);
    Api::default()
        .at(place, http::receive)
        .at(Operation::post("/retry", retry, Role::Admin, Scope::OnePartner), again::retry)
        .at(Operation::post("/cancel", cancel, Role::Admin, Scope::OnePartner), again::cancel)
        .at(amend.bodies_up_to(again::AMEND_BYTES_MAX), again::amend)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api(false).operations()
}

/// Terms of every configured partner, and of the built-in one.
fn terms(partners: &Partners) -> HashMap<PartnerId, Terms> {
    let direct = (PartnerId::direct(), Terms::direct());
    let configured =
        partners.iter().map(|(name, partner)| (name.clone(), Terms::of(name, partner)));
    std::iter::once(direct).chain(configured).collect()
}
