//! How journals stand, as metrics.

use super::Status;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Which journal: the name of the label, and its value.
type Label = [(&'static str, String); 1];

/// One value of each for every journal of a function.
#[derive(Debug)]
pub struct Figures {
    label: &'static str,
    entry: Family<Label, Gauge>,
    snapshot: Family<Label, Gauge>,
    unsettled_seconds: Family<Label, Gauge>,
    foreign: Family<Label, Gauge>,
}

impl Figures {
    /// Registers them; `label` is what the function's journals are told apart by, such as `warehouse`.
    #[must_use]
    pub fn new(registry: &mut Registry, label: &'static str) -> Self {
        let mut family = |name, help| {
            let family = Family::default();
            registry.register(name, help, family.clone());
            family
        };
        Self {
            label,
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

    /// Shows how the journal `name` stands.
    pub fn set(&self, name: &str, status: Status) {
        let label = [(self.label, name.to_owned())];
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.entry.get_or_create(&label).set(number(status.sequence));
        self.snapshot.get_or_create(&label).set(number(status.snapshot));
        self.foreign.get_or_create(&label).set(number(status.foreign));
        let unsettled = status.unsettled.map_or(0, |time| time.as_secs().max(1));
        self.unsettled_seconds.get_or_create(&label).set(number(unsettled));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_journal_has_its_own_values() {
        let mut registry = Registry::default();
        let figures = Figures::new(&mut registry, "warehouse");
        let unsettled = Some(Duration::from_millis(20));
        figures.set("main", Status { sequence: 7, unsettled, ..Status::default() });
        figures.set("west", Status { sequence: 8, ..Status::default() });
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"journal_entry{warehouse="main"} 7"#,
            r#"journal_entry{warehouse="west"} 8"#,
            r#"journal_unsettled_seconds{warehouse="main"} 1"#,
            r#"journal_unsettled_seconds{warehouse="west"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
