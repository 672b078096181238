//! What follows a decision: documents of billing, and what notifier sends.

use std::collections::BTreeSet;

use anyhow::Result;
use connector::annotations::durable_name;
use domain::WarehouseId;
use messaging::backlog::Backlog;
use messaging::{Nats, streams};
use state::journal;

use super::open::{Open, Waiting};
use crate::commands::doctor;
use crate::commands::journal::of::Of;
use crate::global::Global;

/// Its name in `stack.yml`.
const NOTIFIER: &str = "notifier";
/// What notifier is given of orders and documents.
const TOLD: [(&str, &str); 4] = [
    (streams::ORDERS, "orders.confirmed.>"),
    (streams::ORDERS, "orders.refused.>"),
    (streams::ORDERS, "orders.shipped.>"),
    (streams::INVOICES, "invoices.issued.>"),
];

/// The functions that `wait` waits for after all orders are decided. The default is none of them.
#[derive(Debug, Default)]
pub(super) struct Followers {
    are_waited_for: bool,
    /// What order-processor and billing are given, as the gateway says; nothing where that is not known.
    given: Option<BTreeSet<String>>,
}

impl Followers {
    /// Asks the gateway which lanes billing has.
    pub(super) async fn find(global: &Global) -> Result<Self> {
        Ok(Self { are_waited_for: true, given: doctor::given(global).await? })
    }

    /// What they have not done. What is stored only a moment after billing has read it is found by the second look.
    pub(super) async fn look(
        &self,
        nats: &Nats,
        warehouses: BTreeSet<WarehouseId>,
        open: &mut Open,
    ) -> Result<()> {
        if !self.are_waited_for {
            return Ok(());
        }
        for warehouse in warehouses {
            let filter = Of::Invoices.filter(&warehouse);
            let Some(read_to) = self.read_to(nats, &warehouse, &filter).await? else { continue };
            let backlog = Backlog::of_lane(nats, streams::ORDERS, &filter, read_to).await?;
            open.invoices.extend(Waiting::of(&backlog).map(|waiting| (warehouse, waiting)));
        }
        for (stream, filter) in TOLD {
            let name = durable_name(NOTIFIER, filter);
            let reader = Backlog::of_reader(nats, stream, &name, filter).await?;
            // Without a consumer, notifier was never deployed.
            if reader.info.is_some()
                && let Some(waiting) = Waiting::of(&reader.backlog)
            {
                open.messages.insert(filter, waiting);
            }
        }
        Ok(())
    }

    /// Up to where billing has read the orders of a warehouse. Nothing if it does not read them, or stands still because
    /// its journal is about another stream: that is for doctor to say.
    async fn read_to(
        &self,
        nats: &Nats,
        warehouse: &WarehouseId,
        filter: &str,
    ) -> Result<Option<u64>> {
        let is_given = self.given.as_ref().map(|given| given.contains(filter));
        if is_given == Some(false) {
            return Ok(None);
        }
        if let Some(read_to) = journal::decided_up_to(nats, filter).await? {
            return Ok(Some(read_to));
        }
        // It may only just have begun.
        let has_begun = journal::last(nats, &Of::Invoices.journal(warehouse)).await?.is_some();
        Ok((is_given == Some(true) && !has_begun).then_some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connector::annotations;

    /// But for alerts: those are about the pipeline, and may come at any time.
    #[test]
    fn notifier_is_waited_for_with_all_that_it_is_given_of_orders() {
        let stack = stack::parse(stack::BUILT_IN, "the built-in stack.yml", |_| None).unwrap();
        let function = &stack.functions[NOTIFIER];
        let all = annotations::parse(NOTIFIER, &function.annotations).unwrap();
        let of_orders = all.into_iter().map(|one| (one.stream, one.filter));
        let mut given: Vec<(String, String)> = of_orders
            .map(|(stream, filter)| (stream.to_string(), filter))
            .filter(|(stream, _)| *stream != streams::ERRORS)
            .collect();
        given.sort();
        let mut told = TOLD.map(|(stream, filter)| (stream.to_owned(), filter.to_owned()));
        told.sort();
        assert_eq!(given, told);
    }
}
