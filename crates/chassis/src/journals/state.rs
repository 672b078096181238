//! The routes of journals: the state of one, and the way past a message that cannot be decided.

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

/// The state of a journal.
#[derive(Debug, Serialize, JsonSchema)]
struct JournalState {
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
        let what = "State of the journal of a warehouse";
        let look = Operation::get("/journal", what, L::READ, Scope::NoPartner);
        let what = "Refuses the next message of a lane, which holds it";
        let pass = Operation::post("/journal/skip", what, Role::Admin, Scope::AllPartners);
        self.at(look, async move |State(state): State<S>, Query(which): Query<Which>| {
            let warehouse = which.warehouse.unwrap_or_else(WarehouseId::main);
            journal_state(of(&state), warehouse).await
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

async fn journal_state<L: Lane>(
    journals: &Journals<L>,
    warehouse: WarehouseId,
) -> Result<Answer<JournalState>, Problem> {
    let position = journals.look(&warehouse, |view| view.decided_to.cloned()).await?;
    let status = journals.known(&warehouse).await?.status();
    let (decided_to, stream) =
        position.map_or((0, None), |position| (position.sequence, Some(position.stream)));
    Ok(Answer::ok(
        0,
        &JournalState {
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
