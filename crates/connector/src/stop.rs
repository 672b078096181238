//! Asking tasks to end.

use tokio::sync::watch;

/// Ends every task that holds its [`Stop`]; dropping it does the same.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Tells a task when to end.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

pub(crate) fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the task should end.
    pub(crate) async fn requested(&self) {
        // An error means that the [`Stopper`] was dropped; then everything should end, too.
        drop(self.0.clone().wait_for(|stop| *stop).await);
    }

    /// Waits for `future`, but not longer than until the task should end.
    pub(crate) async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.requested() => None,
            output = future => Some(output),
        }
    }
}
