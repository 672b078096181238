//! Counters with a label from an enum.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::marker::PhantomData;

/// The values of a counter's label.
pub trait Kind: Copy + 'static {
    /// The label's name.
    const LABEL: &'static str = "outcome";

    /// All values.
    fn all() -> impl Iterator<Item = Self>;

    /// Its text.
    fn label(self) -> &'static str;
}

/// A counter for each value of `K`. All begin at 0: one that begins with 1 looks to Prometheus as if
/// nothing had been counted.
#[derive(Clone, Debug)]
pub struct Counts<K> {
    family: Family<[(&'static str, &'static str); 1], Counter>,
    of: PhantomData<fn(K)>,
}

impl<K: Kind> Counts<K> {
    /// Registers it under `name`, to which Prometheus adds `_total`.
    pub fn register(registry: &mut Registry, name: &str, help: &str) -> Self {
        let counts = Self::default();
        registry.register(name, help, counts.family.clone());
        counts
    }

    /// Counts one.
    pub fn add(&self, kind: K) {
        self.add_many(kind, 1);
    }

    /// Counts so many.
    pub fn add_many(&self, kind: K, count: u64) {
        self.family.get_or_create(&[(K::LABEL, kind.label())]).inc_by(count);
    }
}

/// Counters that are not registered, for tests and defaults.
impl<K: Kind> Default for Counts<K> {
    fn default() -> Self {
        let family = Family::<[(&'static str, &'static str); 1], Counter>::default();
        for kind in K::all() {
            drop(family.get_or_create_owned(&[(K::LABEL, kind.label())]));
        }
        Self { family, of: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Outcome;

    #[test]
    fn every_label_begins_at_zero() {
        let mut registry = Registry::default();
        let counts = Counts::register(&mut registry, "attempts", "Attempts");
        counts.add_many(Outcome::Sent, 2);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in ["attempts_total{outcome=\"sent\"} 2", "attempts_total{outcome=\"dead\"} 0"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
