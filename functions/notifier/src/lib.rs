#![doc = include_str!("../README.md")]

mod answer;
mod facts;
mod folder;
mod http;
mod mail;
pub mod measure;
mod notice;
mod pace;
mod people;
mod settings;
mod shops;
mod sms;
mod tell;
mod templates;
mod ways;

pub use tell::NAME;

use chassis::{Api, Operation, Role, Scope, Setup};
use http::App;
use messaging::rights::{Reach, Rights};
use messaging::{persons, streams};
use people::People;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use settings::Settings;
use shops::{Senders, Shops};
use state::effect::{self, Pseudonyms};
use std::sync::Arc;
use std::time::Duration;
use tell::Notifier;
use ways::Ways;

/// Mails at once, each on a connection of its own.
const LANE_MAX: usize = 8;

/// The process, its templates, and what is open of the outbox: 100,000 messages a channel take 20 MiB.
pub const MEMORY: Memory = Memory::new(112, 6);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Tells customers what becomes of their orders: reads who they are, and keeps each message.",
    publishes: &["outbox.notifier.>", "notifications.>", "errors.alert.>"],
    asks: &[streams::ORDERS, streams::INVOICES, streams::NOTIFICATIONS, streams::ERRORS],
    reads: &[streams::OUTBOX],
    writes_buckets: &[streams::EFFECTS],
    reads_buckets: &[streams::PERSONS, streams::CUSTOMER_CARDS],
    reaches: &[Reach::Providers],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings, secrets or templates are missing or wrong; everything is named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let partners = setup.partners_if_configured();
    let key = setup.env.secret(persons::SECRET);
    let settings = Settings::from_env(setup.env);
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let given = || Some((settings?, key?));
    let streams = &[streams::OUTBOX, streams::ORDERS];
    let (mut chassis, (settings, key)) = setup.connect(tokens, streams, given).await?;
    let shops = partners.map(|partners| chassis.follow(partners, |it| Shops::of(it)));
    let Settings { mail, sms, from, alerts_to, language, templates, age_max, .. } = settings;
    let Settings { mail_pace, sms_pace, timeout, .. } = settings;
    let ways = Ways { mail, sms, mail_pace, sms_pace, wait_max: timeout / 3 };
    let notifier = Notifier {
        people: People::new(chassis.nats.clone()),
        senders: Senders { shops, from, language },
        templates,
        ways,
        pseudonyms: Pseudonyms::new(key.expose().as_bytes()),
        alerts_to,
        age_max,
    };
    // Waiting for its place, for the server, for the answer, and a pause before a closed door.
    let send_max = timeout * 2 + Duration::from_secs(6);
    let effects = effect::Settings { send_max, lane_max: LANE_MAX, ..effect::Settings::default() };
    let effects = chassis.effects(notifier, effects);
    Ok(chassis.serve(api(), Arc::new(App { effects }), MEMORY))
}

fn api() -> Api<Arc<App>> {
    let events =
        Operation::post("/", "Tells people of events", Role::Connector, Scope::AllPartners);
    let what = "A message as a customer would get it";
    let preview = Operation::get("/preview", what, Role::NotificationsRead, Scope::NoPartner);
    let what = "Sends a message at once, to try the provider";
    let test = Operation::post("/test", what, Role::Notifications, Scope::NoPartner);
    Api::default().at(events, http::told).at(preview, http::preview).at(test, http::test).effects(
        Role::NotificationsRead,
        Role::Notifications,
        |app: &Arc<App>| &app.effects,
    )
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
