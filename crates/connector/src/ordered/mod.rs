//! Messages given out in stream order without gaps: the function keeps the position.

mod gaps;
mod lane;
mod lease;
pub mod quiet;
mod reader;
pub mod said;
mod session;

use crate::annotations::{Subscription, durable_name};
use crate::circuit::Circuit;
use crate::metrics::OfFilter;
use crate::shared::Shared;
use crate::stop::{self, Stop};
use crate::undone::Undone;
use lane::{End, Lane};
use lease::Lease;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tokio::sync::watch;

/// Gives out one lane until `stop`, while this connector holds its lease.
pub(crate) async fn run(shared: Shared, subscription: Subscription, stop: Stop) {
    let Subscription { function, filter, .. } = &subscription;
    let name = subscription.name();
    let leased = shared.metrics.lane_leased.get_or_create_owned(&name);
    let lease = Lease::new(shared.nats.clone(), durable_name(function, filter));
    let (sender, mut mine) = watch::channel(false);
    let (stop_keeper, keeper) = stop::channel();
    let keeper = tokio::spawn(lease.keep(sender, keeper));
    // `Err` means that the lease task ended, which happens only after it is stopped.
    while matches!(stop.or(mine.wait_for(|mine| *mine)).await, Some(Ok(_))) {
        leased.set(1);
        let (stopper, tenure) = stop::channel();
        let lost = async {
            drop(stop.or(mine.wait_for(|mine| !*mine)).await);
            stopper.stop();
            // The lane ends when its call in progress ends.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = read(&shared, &subscription, &name, tenure) => {}
            () = lost => {}
        }
        leased.set(0);
    }
    // Release the lease only now, so that the next reader need not wait for the call that was in
    // progress.
    stop_keeper.stop();
    if let Err(error) = keeper.await {
        tracing::error!(%error, "the task of the lease failed");
    }
    shared.metrics.forget(&name);
}

/// Gives out the lane until `stop`.
async fn read(shared: &Shared, subscription: &Subscription, name: &OfFilter, stop: Stop) {
    let held = shared.metrics.lane_held.get_or_create_owned(name);
    drop(shared.metrics.rebuilds.get_or_create_owned(name));
    let circuit = Circuit::new(name.clone(), &shared.metrics);
    let (undone, told) = (Undone::new(&shared.metrics, name), AtomicU64::new(0));
    let journal = AtomicU64::new(0);
    let (shared, subscription) = (shared.clone(), subscription.clone());
    let lane =
        Lane { shared, subscription, circuit, held, undone, told, journal, stop: stop.clone() };
    tokio::select! {
        () = sessions(&lane, name) => {}
        () = lane.watch() => {}
    }
    lane.held.set(0);
}

/// Runs one session after another until `stop`.
async fn sessions(lane: &Lane, name: &OfFilter) {
    let mut fruitless = 0_u32;
    while !lane.stop.is_requested() {
        let (mut progress, began) = (false, Instant::now());
        let end = lane.session(&mut progress).await;
        if matches!(end, End::Anew(_)) {
            lane.shared.metrics.rebuilds.get_or_create(name).inc();
            lane.shared.report_denied(&lane.subscription, began);
        }
        fruitless = if progress { 1 } else { fruitless.saturating_add(1) };
        match lane.ended(end, fruitless) {
            // If `stop` cuts the wait short, the loop ends.
            Some(delay) => drop(lane.stop.or(lane.rest(delay)).await),
            None => break,
        }
    }
}
