//! An ordered batch, as the connector brings it.

use super::lane::Lane;
use super::open::{Journals, unavailable};
use domain::WarehouseId;
use runtime::Problem;
use runtime::events::{Batch, OrderedAnswer};
use state::journal::evidence::Older;
use state::journal::input::{Claim, Link, Said};
use state::journal::{Answer, Book, Decided, Extent, Part, Position, extent};

/// What of a message's limit is left for the envelope of an entry.
const ENVELOPE_BYTES: usize = 16 * 1024;

/// The head of a batch: its warehouse, the position where it begins, and the sequences of its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Whose journal decides it.
    pub warehouse: WarehouseId,
    /// Where it says that it begins.
    pub claim: Claim,
    /// The place of each of its messages in the stream, in the order of the batch.
    pub links: Vec<Link>,
}

impl Given {
    /// Takes the head of a batch apart; what its messages hold is the function's.
    ///
    /// # Errors
    /// 400: it is not ordered, its filter names no warehouse, or a message lacks its sequence.
    pub fn of<L: Lane>(batch: &Batch) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::bad_request(detail);
        let position = batch.position.as_ref().ok_or_else(|| {
            let needs =
                "this function is ordered: set the annotation orderflow.ordered to \"true\"";
            wrong(needs.to_owned())
        })?;
        let said = Said {
            after: position.after,
            stream: position.stream.clone(),
            identity: position.stream_identity.clone(),
            also: position.stream_also.clone(),
            created: position.stream_created.clone(),
            filter: position.filter.clone(),
            quiet_to: position.quiet_to,
        };
        let claim = Claim::try_from(said).map_err(|unsaid| wrong(unsaid.to_string()))?;
        let warehouse = L::warehouse(&claim.filter).ok_or_else(|| {
            let like = L::filter(&WarehouseId::main());
            wrong(format!("the filter must be that of a warehouse, such as {like}"))
        })?;
        let link = |(index, event): (usize, &runtime::events::Event)| {
            let link = Link::of_event(event.raw().get());
            link.map_err(|unsaid| wrong(format!("event {index} {unsaid}")))
        };
        let links = batch.events.iter().enumerate().map(link).collect::<Result<_, Problem>>()?;
        Ok(Self { warehouse, claim, links })
    }
}

impl<L: Lane> Journals<L> {
    /// Largest body of an entry, in bytes of JSON.
    #[must_use]
    pub fn body_bytes_max(&self) -> usize {
        self.nats.message_bytes_max().saturating_sub(ENVELOPE_BYTES)
    }

    /// Decides a batch, as `Journal::batch` says, and answers the connector, or gives the question that `decide`
    /// ended with.
    ///
    /// # Errors
    /// 409 with `decided_to`: the batch leaves something out, or is of another input; the latter with `fault`.
    /// 503: NATS does not answer, and the same batch may be sent again.
    pub async fn batch<Q>(
        &self,
        given: &Given,
        decide: impl FnMut(
            Part<'_, <L::Book as Book>::State>,
        ) -> Result<Decided<<L::Book as Book>::Body>, Q>,
    ) -> Result<Result<OrderedAnswer, Q>, Problem> {
        let Given { warehouse, claim, links } = given;
        let journal = self.open(warehouse);
        self.check(warehouse, claim).await?;
        let answer = journal.batch(claim, links, decide).await;
        self.observe(warehouse, &journal);
        let answer = match answer.map_err(|error| unavailable(&error))? {
            Ok(answer) => answer,
            Err(question) => return Ok(Err(question)),
        };
        match answer {
            Answer::To(decided_to) => Ok(Ok(OrderedAnswer { decided_to })),
            Answer::Behind(decided_to) => {
                let detail = format!("the batch leaves out what is behind {decided_to}");
                Err(OrderedAnswer { decided_to }.conflict(detail))
            }
            Answer::Foreign(decided_to) => Err(another::<L>(warehouse, decided_to)),
        }
    }

    /// Is the input, which holds the facts as well, the one that was decided up to `decided_to`? For commands that are
    /// decided by facts.
    ///
    /// # Errors
    /// 409 with `fault`: it is another stream, or an older copy. 503: NATS does not say, or the stream seems to end
    /// before the position, as a leader that was replaced may say for a moment.
    pub async fn has_input(
        &self,
        warehouse: &WarehouseId,
        decided_to: Option<&Position>,
    ) -> Result<(), Problem> {
        let Some(decided_to) = decided_to else { return Ok(()) };
        let extent = extent(&self.nats, L::INPUT, &L::filter(warehouse)).await;
        let Extent { claim, last, .. } = extent.map_err(|error| {
            tracing::warn!(%error, "nothing is decided");
            Problem::unavailable("NATS does not answer; sending the same again is safe")
        })?;
        if !claim.is_of(decided_to) {
            return Err(another::<L>(warehouse, decided_to.sequence));
        }
        if last < decided_to.sequence {
            let (stream, at) = (L::INPUT, decided_to.sequence);
            let detail = format!("stream {stream} ends at {last}, and was decided up to {at}");
            tracing::error!(%warehouse, detail, "nothing is decided");
            return Err(Problem::unavailable(detail));
        }
        self.check(warehouse, &claim).await
    }

    /// Refuses a batch, as from another input, if the stream has another message at the position that was decided
    /// last: it is then an older copy. Checked once on each connection.
    async fn check(&self, warehouse: &WarehouseId, claim: &Claim) -> Result<(), Problem> {
        let (book, journal) = (L::book(warehouse), L::subject(warehouse));
        match self.seen.check(&self.nats, &journal, &book, claim).await {
            Ok(()) => Ok(()),
            Err(older @ Older::Copy { .. }) => {
                let rebase = L::REBASE;
                let detail = format!(
                    "{older}. Put the right one back, or see what would be lost: {rebase} \
                     --warehouse {warehouse}"
                );
                tracing::error!(%warehouse, detail, "nothing is decided");
                Err(Problem::conflict(detail).with("fault", true))
            }
            Err(Older::Unknown(error)) => {
                tracing::warn!(%error, "not decided");
                let detail = "the journal does not answer; sending the same again is safe";
                Err(Problem::unavailable(detail))
            }
        }
    }
}

/// 409: it is another input than the one that is decided up to `decided_to`.
fn another<L: Lane>(warehouse: &WarehouseId, decided_to: u64) -> Problem {
    let rebase = L::REBASE;
    let detail = format!(
        "the stream or the filter is not the one that was decided so far, up to {decided_to}: another \
         store, or a stream that was made again. Put the right one back, or see what would be lost: \
         {rebase} --warehouse {warehouse} --reason \"…\""
    );
    OrderedAnswer { decided_to }.conflict(detail).with("fault", true)
}
