//! nats-server, sshd and Prometheus: each has a thread that watches it.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::site::{Pauses, Site};

/// How soon a death is seen.
const LOOK: Duration = Duration::from_millis(25);

/// A server that is started again when it dies.
#[derive(Debug)]
pub(crate) struct Watched {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Watches `server` until [`Watched::stop`]; also stops it, and starts it again, when `wants_restart` says so.
pub(crate) fn watch<S: Send + 'static>(
    site: Arc<Site>,
    name: &'static str,
    mut server: servers::Server<S>,
    mut wants_restart: impl FnMut() -> bool + Send + 'static,
) -> Watched {
    let (stop, asked) = sync_channel::<()>(1);
    site.started(name, server.pid(), None, None);
    let thread = std::thread::spawn(move || {
        let mut pauses = Pauses::default();
        let mut since = Instant::now();
        let mut pause = LOOK;
        while let Err(RecvTimeoutError::Timeout) = asked.recv_timeout(pause) {
            pause = LOOK;
            if server.is_running() {
                if !wants_restart() {
                    continue;
                }
                server.stop();
            }
            tracing::error!(name, "starting it again");
            match server.restart() {
                Ok(()) => site.started(name, server.pid(), None, None),
                Err(error) => {
                    tracing::error!(name, %error, "it does not start");
                    site.ended(name, error.to_string());
                }
            }
            pause = pauses.next(since.elapsed()).max(LOOK);
            since = Instant::now();
        }
        server.stop();
    });
    Watched { stop: Some(stop), thread: Some(thread) }
}

impl Watched {
    /// Ends the server in an orderly way; blocks until it has ended.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(Err(_panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that watches a server panicked");
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop();
    }
}
