//! Events from the connector, and what people ask beside subscriptions and deliveries.

use crate::hooks::{Hooks, body, lane, message_id, now};
use crate::kinds::TYPES;
use crate::subscription::Subscription;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chassis::deliveries::{self, Again, Asked, Filter, Page};
use chassis::{Body, Kept, Query, accept};
use chrono::{DateTime, Utc};
use runtime::events::{self, Batch};
use runtime::{Owner, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use state::effect::{Answer, Effects};
use state::record::{Found, Key};
use std::sync::Arc;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) effects: Effects<Hooks>,
    pub(crate) subscriptions: Kept<Subscription>,
}

pub(crate) async fn told(State(app): State<Arc<App>>, batch: Batch) -> events::Answer {
    accept(&app.effects, &batch, &TYPES, |_| Ok(())).await
}

/// Which subscription.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    /// A partner, or `*`.
    partner: String,
    id: String,
}

impl Which {
    /// The subscription, if the caller may know of it.
    async fn find(&self, app: &App, owner: &Owner) -> Result<Found<Subscription>, Problem> {
        let Self { partner, id } = self;
        if let Some(own) = owner.0.as_deref().filter(|own| own != partner) {
            let detail =
                format!("this token is of partner {own}, and reaches nothing of another one");
            return Err(Problem::new(StatusCode::FORBIDDEN).detail(detail));
        }
        let key = Key::new([partner, id]).map_err(|bad| Problem::bad_request(bad.to_string()))?;
        let found = app.effects.outside().find(&key).await.map_err(|error| away(&error))?;
        found.ok_or_else(|| Problem::not_found(format!("there is no subscription {partner}/{id}")))
    }

    fn lane(&self) -> String {
        lane(&self.partner, &self.id)
    }
}

fn away(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%error, "a request about webhooks is not answered");
    Problem::unavailable("NATS does not answer; the same call again is safe")
}

/// What messages are signed with.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Signing {
    /// `whsec_…`, as libraries of Standard Webhooks take it.
    secret: String,
    /// The one before, while messages are signed with both.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret: Option<String>,
    /// Until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_until: Option<DateTime<Utc>>,
}

pub(crate) async fn secret(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(which): Path<Which>,
) -> Result<Json<Signing>, Problem> {
    let subscription = which.find(&app, &owner).await?.value;
    let versions = subscription.versions(now());
    let Subscription { partner, id, old_secret_until, .. } = &subscription;
    let shown = |version: &u32| app.effects.outside().secrets.shown(partner, id, *version);
    let old_secret = versions.get(1).map(shown);
    let old_secret_until = old_secret_until.filter(|_| old_secret.is_some());
    let secret = versions.first().map(shown).unwrap_or_default();
    Ok(Json(Signing { secret, old_secret, old_secret_until }))
}

/// What came of a test.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tested {
    /// `sent`, `failed` or `unknown`.
    outcome: String,
    /// The status and the beginning of the body, or why there is none.
    answer: String,
    /// `webhook-id` of the message.
    id: String,
}

/// Posts a message `webhook.test` at once. It is not kept, and not sent again.
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(which): Path<Which>,
) -> Result<Json<Tested>, Problem> {
    let found = which.find(&app, &owner).await?;
    let at = now();
    let id = message_id(&format!("test{:028x}", at.timestamp_micros()));
    let data = json!({"subscription": which.lane(), "message": "This is a test."});
    let hooks: &Hooks = app.effects.outside();
    let answer = hooks.post(&found.value, &id, body("webhook.test", at, &data)).await;
    let (outcome, answer) = match answer {
        Answer::Sent { answer } => ("sent", answer),
        Answer::Again { why, .. } | Answer::Away { why, .. } | Answer::Never { why } => {
            ("failed", why)
        }
        Answer::Unknown { why } => ("unknown", why),
    };
    Ok(Json(Tested { outcome: outcome.to_owned(), answer, id }))
}

pub(crate) async fn listed(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(which): Path<Which>,
    Query(filter): Query<Filter>,
) -> Result<chassis::Answer<Page>, Problem> {
    which.find(&app, &owner).await?;
    deliveries::of_lane(&app.effects, &which.lane(), filter).await
}

pub(crate) async fn again(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path(which): Path<Which>,
    Body(wanted): Body<Again>,
) -> Result<chassis::Answer<Asked>, Problem> {
    which.find(&app, &owner).await?;
    deliveries::again_of_lane(&app.effects, &which.lane(), wanted).await
}
