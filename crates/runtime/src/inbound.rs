//! The body of a request: read as a whole, within limits, or thrown away.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How much of an unread body is thrown away so that a client without a token can read its answer.
const DISCARD_BYTES_MAX: u64 = 4 * 1024 * 1024;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(2);
/// Memory is asked for in steps: a body may come in pieces of one byte.
const STEP: usize = 16 * 1024;

/// Why a body could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("the body did not arrive within {} s", .after.as_secs_f64())]
    TooSlow { after: Duration },
    #[error("the bodies of other requests take the memory that there is for them")]
    NoRoom,
    #[error("the client went away")]
    Gone,
}

/// A body that is still on its way.
pub(crate) struct Inbound {
    inner: Option<Incoming>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// No more of it will come, or not in time.
    is_lost: bool,
    touched: bool,
    rest: Option<Incoming>,
}

/// The shell's view of a body that somebody else reads.
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
        // What was left unread goes back to the shell.
        lock(&self.state).rest = self.inner.take().filter(|inner| !inner.is_end_stream());
    }
}

impl Watch {
    /// The rest of the body is not waited for.
    pub(crate) fn give_up(&self) {
        lock(&self.state).is_lost = true;
    }

    /// Throws away what is left of the body, within limits. A connection closed over unread bytes
    /// is reset, and then the client may never see its answer.
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
        // Whether it ended in time makes no difference: the answer is sent either way.
        drop(timeout(DISCARD_TIME_MAX, discard).await);
    }
}

/// Memory that is set aside for a body, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    pool: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn new(pool: &Arc<Semaphore>) -> Self {
        Self { pool: Arc::clone(pool), taken: None }
    }

    /// Takes what is missing to `bytes`. It never waits: those that wait for each other with half a
    /// body each would do so for ever.
    fn reach(&mut self, bytes: usize) -> Result<(), Cut> {
        let has = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(missing) = bytes.checked_sub(has).filter(|missing| 0 < *missing) else {
            return Ok(());
        };
        let missing = u32::try_from(missing).map_err(|_| Cut::NoRoom)?;
        let more = Arc::clone(&self.pool).try_acquire_many_owned(missing);
        let more = more.map_err(|_| Cut::NoRoom)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

/// Reads a body into one piece of memory, as much as `pool` has room for.
///
/// Pieces are copied: each one that a client sends would keep a buffer of the connection, however few
/// bytes are in it.
pub(crate) async fn read(
    mut body: Body,
    bytes_max: u64,
    pool: &Arc<Semaphore>,
) -> Result<(Bytes, Room), Cut> {
    let too_large = Cut::TooLarge { bytes_max };
    let max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let declared = body.size_hint();
    if bytes_max < declared.lower() {
        return Err(too_large);
    }
    let declared = declared.exact().and_then(|len| usize::try_from(len).ok());
    let mut room = Room::new(pool);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Cut::Gone)?.into_data() else { continue };
        let len = whole.len() + data.len();
        if max < len {
            return Err(too_large);
        }
        if whole.capacity() < len {
            // Memory that is declared and not sent is not touched, and so not taken.
            let grown = whole.capacity().saturating_mul(2).max(len).max(STEP).min(max);
            let capacity = declared.unwrap_or(grown).max(len);
            if declared.is_none() {
                room.reach(capacity)?;
            }
            whole.reserve_exact(capacity - whole.len());
        }
        room.reach(len.next_multiple_of(STEP).min(whole.capacity()))?;
        whole.extend_from_slice(&data);
    }
    Ok((whole.into(), room))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
