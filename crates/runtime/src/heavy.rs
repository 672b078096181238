//! Work that blocks a thread for longer than other requests should wait.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Smaller amounts are processed in place: moving the thread's other tasks would take longer.
const AT_ONCE_BYTES: usize = 64 * 1024;

/// Runs `work` on `bytes` bytes, such as reading or writing JSON. For large amounts, the other tasks of
/// this thread continue on another thread.
///
/// # Panics
/// When `work` does.
pub fn heavy<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) if AT_ONCE_BYTES <= bytes => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn other_tasks_go_on_during_large_work() {
        let (tell, told) = mpsc::sync_channel(1);
        let large = tokio::spawn(async move {
            heavy(AT_ONCE_BYTES, || told.recv_timeout(Duration::from_secs(20)))
        });
        let other = tokio::spawn(async move { tell.send(7) });
        assert_eq!(large.await.unwrap(), Ok(7));
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_single_thread_runs_the_work_in_place() {
        assert_eq!(heavy(usize::MAX, || 7), 7);
    }
}
