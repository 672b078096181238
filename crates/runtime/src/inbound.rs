//! The body of a request in transfer; the unread rest is discarded.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::HttpBody;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::timeout;

/// How many bytes of an unread body are discarded so that a client without a token can read its answer.
const DISCARD_BYTES_MAX: u64 = 4 * 1024 * 1024;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(2);
/// A body in transfer.
pub(crate) struct Inbound {
    inner: Option<Incoming>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The rest will not come, or not in time.
    is_lost: bool,
    touched: bool,
    rest: Option<Incoming>,
}

/// The shell's view of a body that a handler reads.
#[derive(Clone)]
pub(crate) struct Watch {
    state: Arc<Mutex<State>>,
    awaits_continue: bool,
}

impl Inbound {
    pub(crate) fn new(inner: Incoming, awaits_continue: bool) -> (Self, Watch) {
        let state = Arc::new(Mutex::new(State::default()));
        let watch = Watch { state: Arc::clone(&state), awaits_continue };
        (Self { inner: Some(inner), state }, watch)
    }
}

impl HttpBody for Inbound {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
        let polled = Pin::new(inner).poll_frame(cx);
        match &polled {
            Poll::Pending => lock(&this.state).touched = true,
            Poll::Ready(Some(Err(_))) => lock(&this.state).is_lost = true,
            Poll::Ready(_) => {}
        }
        polled
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
        // Give the unread rest back to the shell.
        lock(&self.state).rest = self.inner.take().filter(|inner| !inner.is_end_stream());
    }
}

impl Watch {
    /// Stops waiting for the rest of the body.
    pub(crate) fn give_up(&self) {
        lock(&self.state).is_lost = true;
    }

    /// Discards the rest of the body, within limits. Closing a connection with unread bytes resets it,
    /// and the client may then lose its answer.
    pub(crate) async fn discard(self, bytes_max: Option<u64>) {
        let (rest, is_lost, touched) = {
            let mut state = lock(&self.state);
            (state.rest.take(), state.is_lost, state.touched)
        };
        let Some(mut rest) = rest else { return };
        if is_lost || (self.awaits_continue && !touched) {
            return;
        }
        let mut left = bytes_max.unwrap_or(DISCARD_BYTES_MAX);
        let discard = async {
            while let Some(Ok(frame)) = rest.frame().await {
                let len = frame.data_ref().map_or(0, Bytes::len);
                match u64::try_from(len).ok().and_then(|len| left.checked_sub(len)) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        // The answer is sent either way, so a time-out does not matter.
        drop(timeout(DISCARD_TIME_MAX, discard).await);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
