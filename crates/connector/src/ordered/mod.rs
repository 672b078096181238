//! Messages given out in stream order without gaps: the function keeps the position.

mod lane;
mod reader;
pub mod said;

use crate::Shared;
use crate::annotations::Subscription;
use crate::circuit::Circuit;
use crate::metrics::OfFilter;
use crate::stop::Stop;
use lane::Lane;
use tokio::time::sleep;

/// Gives out one lane until `stop`.
pub(crate) async fn run(shared: Shared, subscription: Subscription, stop: Stop) {
    let name =
        OfFilter { function: subscription.function.clone(), filter: subscription.filter.clone() };
    let held = shared.metrics.lane_held.get_or_create_owned(&name);
    let circuit = Circuit::new(name, &shared.metrics);
    let lane = Lane { shared, subscription, circuit, held, stop: stop.clone() };
    let mut fruitless = 0_u32;
    while !stop.is_requested() {
        let mut progress = false;
        let end = lane.session(&mut progress).await;
        fruitless = if progress { 1 } else { fruitless.saturating_add(1) };
        match lane.ended(end, fruitless) {
            // When it is cut short the loop ends.
            Some(delay) => drop(stop.or(sleep(delay)).await),
            None => break,
        }
    }
    lane.held.set(0);
}
