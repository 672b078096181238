//! The metric of a connection to NATS, the same for every part of the pipeline.

use crate::link::{Link, Signal};
use crate::nats::Nats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// Adds `nats_events_total{event}`: how often each [`Signal`] came since the connection was made, from 0.
///
/// A refused right is `event="denied"`; most refused requests look like requests without an answer otherwise.
pub fn register(nats: &Nats, registry: &mut Registry) {
    registry.register_collector(Box::new(Events(Arc::clone(&nats.link))));
}

#[derive(Debug)]
struct Events(Arc<Link>);

impl Collector for Events {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Events of the connection to NATS";
        let mut metric =
            encoder.encode_descriptor("nats_events", help, None, MetricType::Counter)?;
        for signal in Signal::ALL {
            let label = [("event", signal.name())];
            let mut of = metric.encode_family(&label)?;
            of.encode_counter::<NoLabelSet, u64, u64>(&self.0.count(signal), None)?;
        }
        Ok(())
    }
}
