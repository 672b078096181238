//! Whether the pipeline is still the one that messages are sent to.

use std::time::Duration;

use anyhow::{Error, anyhow};
use machine::client::Pipeline;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until the pipeline has its NATS at another address than before, as after another start of `up`, and says so: the
/// client would look for the old one for ever.
pub(super) async fn moved(pipeline: &Pipeline) -> Error {
    loop {
        tokio::time::sleep(LOOK).await;
        // What is started elsewhere has an address that does not change. Without the lock that `up` takes when it starts.
        let run = pipeline.dir.last_run();
        let Some(run) = run.filter(|_| pipeline.run.pid != 0) else { continue };
        if run.nats != pipeline.run.nats {
            let (before, now) = (place(&pipeline.run.nats), place(&run.nats));
            return anyhow!(
                "orderflow up was started again, and its NATS is at {now} and no longer at {before}: what was confirmed is \
                 there, and the rest was not sent; simulate again, with another seed"
            );
        }
    }
}

/// An address without the login.
fn place(url: &str) -> &str {
    url.rsplit(['@', '/']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_login() {
        for url in ["nats://setup:secret@127.0.0.1:4222", "nats://127.0.0.1:4222"] {
            assert_eq!(place(url), "127.0.0.1:4222");
        }
    }
}
