//! The routes of journals: how one stands, and the way past a message that nobody can decide.

use super::lane::Lane;
use super::open::Journals;
use super::skip::{Skip, SkipAnswer, skip};
use crate::answer::Answer;
use crate::api::{Api, Operation};
use crate::extract::{Body, Query};
use crate::key::Key;
use crate::role::{Role, Scope};
use axum::extract::State;
use domain::WarehouseId;
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, JsonSchema)]
struct Which {
    /// `main` if nothing is said.
    warehouse: Option<WarehouseId>,
}

/// How a journal stands.
#[derive(Debug, Serialize, JsonSchema)]
struct Standing {
    warehouse: WarehouseId,
    /// Sequence of its last entry, 0 if it has none.
    entry: u64,
    /// Up to which sequence of its input all is decided; 0 if nothing is.
    decided_to: u64,
    /// The input's stream; nothing while nothing is decided.
    stream: Option<String>,
    /// The filter under which it is read.
    filter: String,
    /// Last entry of the newest snapshot that is known.
    snapshot: u64,
    /// How long the facts of the last entry cannot be stored; 0: they are.
    unsettled_seconds: u64,
    /// Messages in the journal that none of its writers wrote.
    foreign: u64,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Adds the routes of journals, which the handlers' state holds at `of`: `GET /journal` and
    /// `POST /journal/skip`.
    #[must_use]
    pub fn journal<L: Lane>(self, of: fn(&S) -> &Journals<L>) -> Self {
        let what = "How the journal of a warehouse stands";
        let look = Operation::get("/journal", what, L::READ, Scope::NoPartner);
        let what = "Refuses the next message of a lane, which holds it";
        let pass = Operation::post("/journal/skip", what, Role::Admin, Scope::AllPartners);
        self.at(look, async move |State(state): State<S>, Query(which): Query<Which>| {
            let warehouse = which.warehouse.unwrap_or_else(WarehouseId::main);
            standing(of(&state), warehouse).await
        })
        .at(
            pass,
            async move |State(state): State<S>, key: Key, Body(asked): Body<Skip>| {
                let skipped: SkipAnswer = skip(of(&state), key, asked).await?;
                Ok::<_, Problem>(Answer::ok(0, &skipped))
            },
        )
    }
}

async fn standing<L: Lane>(
    journals: &Journals<L>,
    warehouse: WarehouseId,
) -> Result<Answer<Standing>, Problem> {
    let position = journals.look(&warehouse, |view| view.decided_to.cloned()).await?;
    let status = journals.known(&warehouse).await?.status();
    let (decided_to, stream) =
        position.map_or((0, None), |position| (position.sequence, Some(position.stream)));
    Ok(Answer::ok(
        0,
        &Standing {
            entry: status.sequence,
            decided_to,
            stream,
            filter: L::filter(&warehouse),
            snapshot: status.snapshot,
            unsettled_seconds: status.unsettled.map_or(0, |time| time.as_secs().max(1)),
            foreign: status.foreign,
            warehouse,
        },
    ))
}
