//! The books of an order, as people change them.

use crate::app::{App, Issued, unavailable};
use domain::WarehouseId;
use domain::invoice::{Account, Balance, Desk, Document, Event, Refused, Unknown};
use invoices::Looked;
use runtime::{Actor, Problem};
use schemars::JsonSchema;
use serde::Serialize;
use state::journal::{Applied, BoundKey, Command};

/// How often an order is looked at again that others change meanwhile.
pub(crate) const LOOKS_MAX: usize = 10;

/// What came of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Changed {
    /// Was it this call that did it? Otherwise an earlier one did, or there was nothing to do.
    pub(crate) applied: bool,
    /// Numbers of the documents that this call issued.
    pub(crate) issued: Vec<String>,
    /// Why nothing, or not all, could be issued, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The balance of the order after the command.
    pub(crate) balance: Option<Balance>,
}

/// Whose books, and where.
pub(crate) struct Place {
    pub(crate) warehouse: WarehouseId,
    pub(crate) account: Account,
}

impl Place {
    pub(crate) fn of(document: &Document) -> Self {
        Self { warehouse: document.supply.warehouse.clone(), account: document.account() }
    }

    pub(crate) async fn balance(&self, app: &App) -> Result<Option<Balance>, Problem> {
        let found = invoices::balance(&app.nats, &self.warehouse, &self.account).await;
        Ok(found.map_err(|error| unavailable(&error))?.map(|(balance, _)| balance))
    }

    /// Changes the books once. `act` says whether there is anything to append; events that it decides are looked up
    /// before.
    pub(crate) async fn change(
        &self,
        app: &App,
        key: &BoundKey,
        actor: &Actor,
        events: &[Event],
        mut act: impl FnMut(&mut Desk<'_>) -> Result<bool, Refused>,
    ) -> Result<Changed, Problem> {
        app.check_clock().await?;
        let (configured, mut looked) = (app.configured.get(), app.looked(&self.warehouse));
        let mut looks = 0..LOOKS_MAX;
        let (applied, issued) = loop {
            let (mut question, mut issued, mut idle) = (None, Vec::new(), false);
            let done = app.journals.command(&self.warehouse, key, |view| {
                let terms = configured.terms();
                let mut desk = Desk::new(terms, &self.warehouse, view.now, view.state);
                let lacks = |desk: &Desk<'_>| {
                    let own = desk.lacks(&self.account);
                    let of_events = || events.iter().find_map(|event| desk.unknown(event));
                    own.or_else(of_events).or_else(|| desk.unsure(&self.account))
                };
                if let Some(unknown) = looked.give(&mut desk, view.state, lacks) {
                    question = Some((view.state.decisions, unknown));
                    return Err(Problem::unavailable("the order has to be looked up"));
                }
                if !act(&mut desk).map_err(|Refused(why)| Problem::conflict(why))? {
                    idle = true;
                    return Err(Problem::unavailable("there is nothing to do"));
                }
                let body = desk.into_body(Some(actor.name().to_owned()));
                let made = body.documents.iter().map(|made| &made.document);
                issued = made.map(|document| (document.kind, document.number.clone())).collect();
                Ok(Command::decision(body))
            });
            let done = done.await;
            match question {
                Some((at, unknown)) => {
                    self.look(app, &mut looked, (at, unknown), &mut looks).await?
                }
                None if idle => break (false, Vec::new()),
                None => break (done? == Applied::Now, issued),
            }
        };
        let issued = issued.into_iter().filter(|_| applied);
        let issued = issued.map(|(kind, number)| {
            app.issued.add(Issued(kind));
            number
        });
        let issued = issued.collect();
        Ok(Changed { applied, issued, reason: None, balance: self.balance(app).await? })
    }

    async fn look(
        &self,
        app: &App,
        looked: &mut Looked,
        (at, unknown): (u64, Unknown),
        looks: &mut impl Iterator,
    ) -> Result<(), Problem> {
        if looks.next().is_none() {
            return Err(Problem::unavailable("others change the order all the time; repeat it"));
        }
        app.look(looked, &self.warehouse, (at, vec![unknown]), |_| false).await
    }
}
