//! How the journals stand, as metrics.

use domain::WarehouseId;
use messaging::journal::Status;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    warehouse: String,
}

/// One value of each for every warehouse.
#[derive(Debug)]
pub(crate) struct Figures {
    entry: Family<Label, Gauge>,
    snapshot: Family<Label, Gauge>,
    unsettled_seconds: Family<Label, Gauge>,
    foreign: Family<Label, Gauge>,
}

impl Figures {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let mut family = |name, help| {
            let family = Family::default();
            registry.register(name, help, family.clone());
            family
        };
        Self {
            entry: family("journal_entry", "Sequence of the last entry that this process knows"),
            snapshot: family("journal_snapshot_entry", "Last entry of the newest known snapshot"),
            unsettled_seconds: family(
                "journal_unsettled_seconds",
                "How long the facts of the last entry could not be stored; 0: they are",
            ),
            foreign: family(
                "journal_foreign_messages",
                "Messages in the journal that none of its writers wrote, passed over by this process",
            ),
        }
    }

    pub(crate) fn set(&self, warehouse: &WarehouseId, status: Status) {
        let label = Label { warehouse: warehouse.as_str().to_owned() };
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.entry.get_or_create(&label).set(number(status.sequence));
        self.snapshot.get_or_create(&label).set(number(status.snapshot));
        self.foreign.get_or_create(&label).set(number(status.foreign));
        let unsettled = status.unsettled.map_or(0, |time| time.as_secs().max(1));
        self.unsettled_seconds.get_or_create(&label).set(number(unsettled));
    }
}
