//! Metrics.

use chassis::{Counts, Kind};
use intake::ledger::State;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tabular::Rule;

/// The metrics of this function.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) files: Counts<Fate>,
    pub(crate) rows: Counts<Row>,
    pub(crate) rejected: Counts<Broken>,
    pub(crate) orders: Counter,
}

impl Figures {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let orders = Counter::default();
        registry.register("file_orders", "Orders in files", orders.clone());
        let by_rule = "Rows that were rejected, by the rule that they broke";
        Self {
            files: Counts::register(registry, "files", "Files by outcome"),
            rows: Counts::register(registry, "file_rows", "Rows of files by outcome"),
            rejected: Counts::register(registry, "file_rows_rejected", by_rule),
            orders,
        }
    }
}

/// The outcome of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate(pub(crate) State);

impl Kind for Fate {
    fn all() -> impl Iterator<Item = Self> {
        [State::Done, State::Refused, State::Duplicate].into_iter().map(Self)
    }

    fn label(self) -> &'static str {
        self.0.as_str()
    }
}

/// The outcome of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Row {
    Accepted,
    Rejected,
}

impl Kind for Row {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Accepted, Self::Rejected].into_iter()
    }

    fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

/// Why a row was rejected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken(pub(crate) Rule);

impl Kind for Broken {
    const LABEL: &'static str = "rule";

    fn all() -> impl Iterator<Item = Self> {
        Rule::ALL.iter().copied().map(Self)
    }

    fn label(self) -> &'static str {
        self.0.code()
    }
}
