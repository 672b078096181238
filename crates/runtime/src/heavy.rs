//! Work that keeps a thread for longer than other requests should wait.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Less is done at once: to hand a thread's other tasks over takes longer.
const AT_ONCE_BYTES: usize = 64 * 1024;

/// Does `work` on `bytes` bytes, such as reading or writing JSON. Where that takes long, the other tasks
/// of this thread go on in another one meanwhile.
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
    async fn others_go_on_while_much_is_read() {
        let (tell, told) = mpsc::sync_channel(1);
        let large = tokio::spawn(async move {
            heavy(AT_ONCE_BYTES, || told.recv_timeout(Duration::from_secs(20)))
        });
        let other = tokio::spawn(async move { tell.send(7) });
        assert_eq!(large.await.unwrap(), Ok(7));
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn one_thread_does_everything_at_once() {
        assert_eq!(heavy(usize::MAX, || 7), 7);
    }
}
