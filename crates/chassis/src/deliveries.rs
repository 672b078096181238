//! The routes of effects: what became of messages to the world outside, and sending them again.

use crate::answer::Answer;
use crate::api::{Api, Operation};
use crate::extract::{Body, Query};
use crate::page::{After, Limit};
use crate::role::{Role, Scope};
use axum::extract::State;
use chrono::{DateTime, Utc};
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::effect::{self, AgainError, Effects, Outside, Wanted};
use state::wire::{Unclear, Wire};

/// Deliveries of a page if the request says nothing.
const LIMIT: usize = 100;
/// Most deliveries of a page.
const LIMIT_MAX: usize = 1_000;
/// About what a delivery takes in an answer.
const ITEM_BYTES: usize = 500;

/// The state of the delivery of a message.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StateName {
    Sending,
    Waiting,
    Sent,
    Failed,
    Dead,
}

impl StateName {
    fn text(self) -> String {
        let name = match self {
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
        };
        name.to_owned()
    }
}

/// Which deliveries are asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeliveriesFilter")]
pub struct Filter {
    /// All of them if nothing is said.
    state: Option<StateName>,
    /// A channel, or the id of an endpoint.
    lane: Option<String>,
    /// The id of the event that set them off.
    event: Option<String>,
    /// Whose last change was then, or later.
    since: Option<DateTime<Utc>>,
    /// Whose last change was before then.
    until: Option<DateTime<Utc>>,
    /// 1 to 1000; 100 if nothing is said.
    limit: Option<Limit<LIMIT_MAX>>,
    /// The `next` of the page before.
    cursor: Option<After>,
}

/// What became of a message for one target.
#[derive(Debug, Serialize, JsonSchema)]
struct Delivery {
    /// Its name, to send it again.
    id: String,
    /// The event that set it off: its id, type and subject.
    event: String,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    /// A channel, or the id of an endpoint.
    lane: String,
    state: String,
    /// What was answered last; nothing while the first attempt is under way.
    answer: Option<String>,
    /// When it is tried again.
    due: Option<DateTime<Utc>>,
    /// Attempts that were begun.
    attempts: u32,
    /// How many of them got no answer: the message may have arrived with each.
    unknown: u32,
    /// When it came into this state.
    at: DateTime<Utc>,
    /// The same for all attempts.
    key: String,
}

impl From<effect::Listed> for Delivery {
    fn from(listed: effect::Listed) -> Self {
        let effect::Listed { id, delivery, .. } = listed;
        let state = delivery.state.name().to_owned();
        let (answer, due) = match delivery.state {
            effect::State::Sending => (None, None),
            effect::State::Waiting { why, due } => (Some(why), Some(due)),
            effect::State::Sent { answer } => (Some(answer), None),
            effect::State::Failed { why } | effect::State::Dead { why } => (Some(why), None),
        };
        Self {
            id,
            event: delivery.cause.id,
            kind: delivery.cause.kind,
            subject: delivery.cause.subject,
            lane: delivery.lane,
            state,
            answer,
            due,
            attempts: delivery.attempts,
            unknown: delivery.unknown,
            at: delivery.at,
            key: delivery.key,
        }
    }
}

/// Some deliveries.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeliveriesPage")]
pub struct Page {
    /// In the order of their last changes. One that changes meanwhile comes again on a later page.
    deliveries: Vec<Delivery>,
    /// `cursor` of the next page; nothing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// Which messages are sent again: one by its id, or all that failed or were given up in a time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// One, whatever its state.
    id: Option<String>,
    /// `failed` and `dead` if nothing is said.
    state: Option<StateName>,
    /// A channel, or the id of an endpoint.
    lane: Option<String>,
    /// Whose last change was then, or later: needed where no id is given.
    since: Option<DateTime<Utc>>,
    /// Whose last change was before then.
    until: Option<DateTime<Utc>>,
}

/// How many messages are sent again.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Asked {
    /// They are sent again.
    again: usize,
    /// Their messages are not kept any more.
    gone: usize,
    /// Attempts at them are under way.
    under_way: usize,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Adds the routes of effects, which the handlers' state holds at `of`: `GET /deliveries` and
    /// `POST /deliveries/again`, which may be repeated: what was asked for and is not begun is sent once.
    #[must_use]
    pub fn effects<O: Outside, W: Wire>(
        self,
        read: Role,
        write: Role,
        of: fn(&S) -> &Effects<O, W>,
    ) -> Self {
        let what = "What became of messages to the world outside";
        let list = Operation::get("/deliveries", what, read, Scope::AllPartners);
        let what = "Sends messages again, under the same keys";
        let again = Operation::post("/deliveries/again", what, write, Scope::AllPartners);
        self.at(list, async move |State(state): State<S>, Query(filter): Query<Filter>| {
            list_of(of(&state), filter).await
        })
        .at(again, async move |State(state): State<S>, Body(wanted): Body<Again>| {
            send_again(of(&state), wanted).await
        })
    }
}

/// A page of the deliveries of one lane, for a route that names it.
///
/// # Errors
/// The filter names another lane, or NATS does not answer.
pub async fn of_lane<O: Outside, W: Wire>(
    effects: &Effects<O, W>,
    lane: &str,
    filter: Filter,
) -> Result<Answer<Page>, Problem> {
    let lane = Some(only(lane, filter.lane.as_deref())?);
    list_of(effects, Filter { lane, ..filter }).await
}

/// Sends messages of one lane again, for a route that names it.
///
/// # Errors
/// As `POST /deliveries/again` has them, and 404 for a delivery of another lane.
pub async fn again_of_lane<O: Outside, W: Wire>(
    effects: &Effects<O, W>,
    lane: &str,
    wanted: Again,
) -> Result<Answer<Asked>, Problem> {
    let lane = only(lane, wanted.lane.as_deref())?;
    match wanted.id {
        Some(id) if effects.lane_of(&id).as_ref() != Some(&lane) => {
            Err(Problem::not_found(format!("there is no delivery {id} of {lane}")))
        }
        Some(_) => send_again(effects, Again { lane: None, ..wanted }).await,
        None => send_again(effects, Again { lane: Some(lane), ..wanted }).await,
    }
}

/// The lane of the route; a request may name it again, but no other.
fn only(lane: &str, named: Option<&str>) -> Result<String, Problem> {
    match named {
        Some(other) if other != lane => {
            let detail = format!("lane is {other}, and this is about {lane} alone; leave it out");
            Err(Problem::bad_request(detail))
        }
        _ => Ok(lane.to_owned()),
    }
}

async fn list_of<O: Outside, W: Wire>(
    effects: &Effects<O, W>,
    filter: Filter,
) -> Result<Answer<Page>, Problem> {
    let Filter { state, lane, event, since, until, limit, cursor } = filter;
    let limit = limit.map_or(LIMIT, Limit::get);
    let states = state.map(StateName::text).into_iter().collect();
    let wanted = Wanted { states, lane, event, since, until };
    let found = effects.list(&wanted, cursor.map_or(0, After::get), limit).await;
    let found = found.map_err(|error| unclear(&error))?;
    let next = found.last().map(|last| last.revision).filter(|_| found.len() == limit);
    let deliveries: Vec<Delivery> = found.into_iter().map(Delivery::from).collect();
    Ok(Answer::ok(deliveries.len().saturating_mul(ITEM_BYTES), &Page { deliveries, next }))
}

async fn send_again<O: Outside, W: Wire>(
    effects: &Effects<O, W>,
    wanted: Again,
) -> Result<Answer<Asked>, Problem> {
    let Again { id, state, lane, since, until } = wanted;
    let asked = match (id, since) {
        (Some(id), None) if state.is_none() && lane.is_none() && until.is_none() => {
            effects.again(&id).await.map_err(|error| refused(&error))?;
            effect::Asked { again: 1, ..effect::Asked::default() }
        }
        (None, since @ Some(_)) => {
            let failed = || vec![StateName::Failed, StateName::Dead];
            let states = state.map_or_else(failed, |state| vec![state]);
            let states = states.into_iter().map(StateName::text).collect();
            let wanted = Wanted { states, lane, event: None, since, until };
            effects.again_all(&wanted).await.map_err(|error| unclear(&error))?
        }
        (Some(_), _) => {
            let reason = "stands alone: with it nothing else chooses what is sent";
            return Err(Problem::invalid("nothing is sent").field("id", reason));
        }
        (None, None) => {
            let reason = "is needed where no id is given, so that not all is sent by mistake";
            return Err(Problem::invalid("nothing is sent").field("since", reason));
        }
    };
    let effect::Asked { again, gone, under_way } = asked;
    tracing::info!(again, gone, under_way, "messages are sent again by hand");
    Ok(Answer::ok(0, &Asked { again, gone, under_way }))
}

fn refused(error: &AgainError) -> Problem {
    match error {
        AgainError::Missing(_) => Problem::not_found(error.to_string()),
        AgainError::Gone(_) => Problem::new(axum::http::StatusCode::GONE).detail(error.to_string()),
        AgainError::UnderWay(_) => Problem::conflict(error.to_string()),
        AgainError::Unclear(error) => unclear(error),
    }
}

fn unclear(error: &Unclear) -> Problem {
    tracing::warn!(%error, "deliveries do not answer");
    Problem::unavailable("NATS does not answer; the same request again is safe")
}
