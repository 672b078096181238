//! The body of a request, with a limit on size and time.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// How much of an unread body is thrown away so that the client can read its answer, as a
/// multiple of the largest body.
const DISCARD_FACTOR: u64 = 4;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(2);

/// Why a body could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("the body did not arrive within {} s", .after.as_secs_f64())]
    TooSlow { after: Duration },
    #[error("the client went away")]
    Gone,
}

/// A body that a handler reads.
pub(crate) struct Inbound {
    inner: Option<Incoming>,
    left: u64,
    bytes_max: u64,
    time_max: Duration,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    cut: Option<Cut>,
    touched: bool,
    rest: Option<Incoming>,
}

/// The shell's view of a body that a handler has.
pub(crate) struct Watch {
    shared: Arc<Mutex<Shared>>,
    bytes_max: u64,
    awaits_continue: bool,
}

impl Inbound {
    pub(crate) fn new(
        inner: Incoming,
        bytes_max: u64,
        time_max: Duration,
        awaits_continue: bool,
    ) -> (Self, Watch) {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let watch = Watch { shared: Arc::clone(&shared), bytes_max, awaits_continue };
        let deadline = Instant::now() + time_max;
        let inner = Some(inner);
        (Self { inner, left: bytes_max, bytes_max, time_max, deadline, timer: None, shared }, watch)
    }

    /// Refuses a body that is declared too large before a byte of it is read.
    pub(crate) fn check_declared(&self) -> Result<(), Cut> {
        let declared = self.inner.as_ref().map_or(0, |inner| inner.size_hint().lower());
        if declared <= self.bytes_max {
            return Ok(());
        }
        Err(Cut::TooLarge { bytes_max: self.bytes_max })
    }

    fn cut(&self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        lock(&self.shared).cut = Some(cut);
        Poll::Ready(Some(Err(cut)))
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline))).as_mut().poll(cx)
    }
}

impl HttpBody for Inbound {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) else {
            lock(&this.shared).touched = true;
            ready!(this.poll_late(cx));
            return this.cut(Cut::TooSlow { after: this.time_max });
        };
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Err(_)) => return this.cut(Cut::Gone),
            Some(Ok(frame)) => frame,
        };
        let len = frame.data_ref().map_or(0, Bytes::len);
        match u64::try_from(len).ok().and_then(|len| this.left.checked_sub(len)) {
            Some(left) => this.left = left,
            None => return this.cut(Cut::TooLarge { bytes_max: this.bytes_max }),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        // What the handler left unread goes back to the shell.
        lock(&self.shared).rest = self.inner.take().filter(|inner| !inner.is_end_stream());
    }
}

impl Watch {
    /// Why the handler could not read the body to its end, if so.
    pub(crate) fn cut(&self) -> Option<Cut> {
        lock(&self.shared).cut
    }

    /// Throws away what is left of the body, within limits. A connection closed over unread bytes
    /// is reset, and then the client may never see its answer.
    pub(crate) async fn discard(self) {
        let (rest, cut, touched) = {
            let mut shared = lock(&self.shared);
            (shared.rest.take(), shared.cut, shared.touched)
        };
        let Some(mut rest) = rest else { return };
        let waits = self.awaits_continue && !touched;
        if waits || matches!(cut, Some(Cut::TooSlow { .. } | Cut::Gone)) {
            return;
        }
        let mut left = self.bytes_max.saturating_mul(DISCARD_FACTOR);
        let discard = async {
            while let Some(Ok(frame)) = http_body_util::BodyExt::frame(&mut rest).await {
                let len = frame.data_ref().map_or(0, Bytes::len);
                match u64::try_from(len).ok().and_then(|len| left.checked_sub(len)) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        // Whether it ended in time makes no difference: the answer is sent either way.
        drop(timeout(DISCARD_TIME_MAX, discard).await);
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
