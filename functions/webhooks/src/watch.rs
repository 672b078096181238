//! Switches endpoints off that take nothing any more.
//!
//! The rule: a message was given up (ten attempts in 75 hours), and in these 75 hours and since then no other message was
//! taken, and the subscription was not changed. It is also switched off, at once, when it answers 410. What waits then is
//! kept for 30 days, and sent when the subscription is active again.

use crate::hooks::Hooks;
use chrono::{DateTime, TimeDelta, Utc};
use runtime::Stop;
use state::effect::{Delivery, Effects, Wanted};
use state::record::Key;
use state::wire::Unclear;
use std::time::Duration;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(60);
/// Deliveries that are looked at in one step.
const PAGE: usize = 1_000;
/// How long attempts at a message go on.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::hours(75);

/// Looks until the function stops.
pub(crate) async fn run(effects: Effects<Hooks>, stop: Stop) {
    let mut after = 0;
    let look = async {
        loop {
            if let Err(error) = look(&effects, &mut after).await {
                tracing::warn!(%error, "endpoints that take nothing are looked at later");
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = look => {}
        () = stop.requested() => {}
    }
}

async fn look(effects: &Effects<Hooks>, after: &mut u64) -> Result<(), Unclear> {
    let wanted = Wanted { states: vec!["dead".to_owned()], ..Wanted::default() };
    loop {
        let page = effects.list(&wanted, *after, PAGE).await?;
        let Some(last) = page.last().map(|last| last.revision) else { return Ok(()) };
        for listed in &page {
            let Delivery { lane, at, .. } = &listed.delivery;
            disable_if_silent(effects, lane, *at).await?;
        }
        *after = last;
    }
}

/// Looks at an endpoint for which a message was given up then. After a start this may be long ago: what counts is
/// whether it took a message around that time or later, and not whether there was one for it lately.
async fn disable_if_silent(
    effects: &Effects<Hooks>,
    lane: &str,
    given_up: DateTime<Utc>,
) -> Result<(), Unclear> {
    let Some((partner, id)) = lane.split_once('/') else { return Ok(()) };
    let since = given_up - GIVEN_UP_AFTER;
    let (states, lane) = (vec!["sent".to_owned()], Some(lane.to_owned()));
    let taken = Wanted { states, lane, since: Some(since), ..Wanted::default() };
    if !effects.list(&taken, 0, 1).await?.is_empty() {
        return Ok(());
    }
    let Ok(key) = Key::new([partner, id]) else { return Ok(()) };
    let hooks = effects.outside();
    let found = hooks.find(&key).await.map_err(|error| Unclear::new(key.to_string(), error))?;
    // One that was changed since may be mended.
    if let Some(found) = found.filter(|found| found.at < since) {
        hooks.disable(&key, found, "it took no message for 75 hours").await;
    }
    Ok(())
}
