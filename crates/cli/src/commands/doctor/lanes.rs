//! Lanes: does each warehouse decide what is placed?

use std::collections::BTreeSet;

use chrono::DateTime;
use domain::WarehouseId;
use domain::partner::Partners;
use messaging::journal::{self, Position};
use messaging::{Nats, streams, subject};

use super::finding::Finding;
use crate::clock;

/// An order that waits for so long does so for a reason.
const STALLED_SECONDS: i64 = 60;

pub(super) async fn look(nats: &Nats, partners: &Partners) -> Vec<Finding> {
    let of_partners = partners.values().map(|partner| partner.warehouse.clone());
    let warehouses: BTreeSet<WarehouseId> = of_partners.chain([WarehouseId::main()]).collect();
    let mut findings = Vec::new();
    for warehouse in warehouses {
        let what = format!("lane {warehouse}");
        findings.push(match lane(nats, &warehouse).await {
            Ok(lane) => lane.finding(&what),
            Err(error) => {
                Finding::bad(what, format!("{error:#}"), "see the log of order-processor")
            }
        });
    }
    findings
}

/// Where a lane stands.
#[derive(Debug, PartialEq, Eq)]
enum Lane {
    /// Nothing that was placed waits.
    Decided,
    /// Its journal is about another stream of that name, or about one that was longer.
    OtherStream,
    /// The oldest order that is not decided: its sequence, and for how long it waits.
    Waits { sequence: u64, seconds: i64 },
}

impl Lane {
    fn finding(&self, what: &str) -> Finding {
        match *self {
            Self::Decided => Finding::good(what, "everything that was placed is decided"),
            Self::OtherStream => Finding::bad(
                what,
                "the stream ORDERS was made anew or lost messages after its orders were decided",
                "restore it, or go on deliberately: orderflow journal rebase",
            ),
            Self::Waits { sequence, seconds } if seconds < STALLED_SECONDS => {
                Finding::good(what, format!("order {sequence} has waited for {seconds} s"))
            }
            Self::Waits { sequence, seconds } => Finding::bad(
                what,
                format!("stalls: the order at sequence {sequence} has waited for {seconds} s"),
                "see the logs of connector and order-processor; one that cannot be decided can be \
                 refused: orderflow journal skip",
            ),
        }
    }
}

async fn lane(nats: &Nats, warehouse: &WarehouseId) -> anyhow::Result<Lane> {
    use async_nats::jetstream::stream::RawMessageErrorKind;
    let last = journal::last(nats, &subject::inventory_journal(warehouse)).await?;
    let decided_to = last.and_then(|(_, entry)| entry.decided_to().cloned());
    let stream = nats.js.get_stream(streams::ORDERS).await?;
    let info = stream.cached_info();
    let from = match decided_to {
        Some(position) if !is_of(&position, info) => return Ok(Lane::OtherStream),
        Some(position) => position.sequence + 1,
        None => 1,
    };
    let filter = format!("orders.placed.{warehouse}.>");
    match stream.get_first_raw_message_by_subject(filter, from).await {
        Ok(message) => {
            let seconds = clock::now().timestamp() - message.time.unix_timestamp();
            Ok(Lane::Waits { sequence: message.sequence, seconds })
        }
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(Lane::Decided),
        Err(error) => Err(error.into()),
    }
}

fn is_of(position: &Position, stream: &async_nats::jetstream::stream::Info) -> bool {
    let created = DateTime::parse_from_rfc3339(&position.created);
    let created = created.ok().and_then(|time| time.timestamp_nanos_opt()).map(i128::from);
    created == Some(stream.created.unix_timestamp_nanos())
        && position.sequence <= stream.state.last_sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_stalls_when_an_order_waits_too_long() {
        for (lane, expected) in [
            (Lane::Decided, "✓ l: everything"),
            (Lane::Waits { sequence: 7, seconds: 3 }, "✓ l: order 7 has waited for 3 s"),
            (Lane::Waits { sequence: 7, seconds: 90 }, "✗ l: stalls: the order at sequence 7"),
            (Lane::OtherStream, "✗ l: the stream ORDERS was made anew"),
        ] {
            let found = lane.finding("l").to_string();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
