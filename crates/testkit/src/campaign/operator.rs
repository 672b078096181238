//! Commands of operators during a campaign: set stock, retry orders, cancel orders.

use super::orders::Maker;
use super::site::Site;
use fastrand::Rng;
use load::What;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often a command is given.
const EVERY: Duration = Duration::from_secs(2);
/// Range of pieces that a product gets.
const AVAILABLE: (u32, u32) = (1_000, 6_000);

/// Gives a command every two seconds during `length`. Many fail while a process is down, or because the
/// order is in the wrong state; those that succeed must have the right effect.
pub(super) async fn run(site: &Site, maker: Maker, length: Duration) {
    let started = Instant::now();
    let mut rng = Rng::with_seed(maker.seed);
    while started.elapsed() < length {
        let what = command(&maker, &mut rng, site.load.confirmed());
        let args: Vec<&str> = what.iter().map(String::as_str).collect();
        let turn = site.operator_turn.lock().await;
        if let Ok(output) = site.pipeline.orderflow(&args).await
            && output.status.success()
        {
            site.tally.done(&what.iter().take(2).cloned().collect::<Vec<_>>().join(" "));
        }
        drop(turn);
        sleep(EVERY).await;
    }
}

/// Arguments of `orderflow`; `sent` messages were sent before.
fn command(maker: &Maker, rng: &mut Rng, sent: u64) -> Vec<String> {
    let n = rng.u64(..sent.max(1));
    if rng.u8(..3) == 0 || !matches!(maker.what(n), What::Sale | What::Return) {
        let product = rng.choice(maker.products()).expect("there are products");
        let available = rng.u32(AVAILABLE.0..AVAILABLE.1);
        return ["stock", "set", product, &available.to_string()].map(str::to_owned).to_vec();
    }
    let verb = if rng.bool() { "retry" } else { "cancel" };
    ["orders", verb, "DIRECT", &maker.order_id(n)].map(str::to_owned).to_vec()
}
