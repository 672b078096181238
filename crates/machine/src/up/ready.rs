//! When everything runs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use axum::http::Method;
use stack::catalogue;

use super::parts::CONNECTOR;
use crate::http::{Call, Http};
use crate::site::Site;

/// How long all of it may take.
const READY_MAX: Duration = Duration::from_secs(90);
/// A part that has ended as often as this will not come up.
const DEATHS_MAX: u32 = 4;

/// Waits until every function of the stack, the connector and the gateway are ready.
pub(crate) async fn wait(site: &Site) -> Result<()> {
    let http = Http::new();
    let deadline = Instant::now() + READY_MAX;
    let wanted = catalogue::NAMES.into_iter();
    let wanted = wanted.filter(|name| site.stack.functions.contains_key(*name));
    // The gateway that a provider's connector needs is started after it.
    let connector = (!site.is_provider()).then_some(CONNECTOR);
    let mut open: BTreeMap<&str, String> =
        wanted.chain(connector).map(|name| (name, "it has not started".to_owned())).collect();
    while !open.is_empty() {
        for name in open.keys().copied().collect::<Vec<_>>() {
            match probe(site, &http, name).await {
                Ok(()) => drop(open.remove(name)),
                Err(reason) => drop(open.insert(name, reason)),
            }
            if DEATHS_MAX <= site.deaths(name) {
                let reason = site.failure(name).unwrap_or_default();
                bail!("{name} does not start: {reason}");
            }
        }
        if deadline <= Instant::now() {
            let open: Vec<_> = open.iter().map(|(name, why)| format!("{name}: {why}")).collect();
            bail!("not ready after {} s: {}", READY_MAX.as_secs(), open.join("; "));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn probe(site: &Site, http: &Http, name: &str) -> Result<(), String> {
    let processes = site.run().processes;
    let Some(process) = processes.get(name) else {
        return Err(site.failure(name).unwrap_or_else(|| "it has not started".to_owned()));
    };
    let address = process.traffic.ok_or("it tells no address")?;
    let url = format!("http://{address}/_/ready");
    let timeout = Duration::from_secs(3);
    let call = Call { method: Method::GET, url, timeout, ..Call::default() };
    let answer = http.send(call).await.map_err(|error| format!("{error:#}"))?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)))
}
