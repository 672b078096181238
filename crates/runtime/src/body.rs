//! Reading the body of a request as a whole, within limits of size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::Problem;

/// Memory is asked for in steps: a body may come in pieces of one byte.
const STEP: usize = 16 * 1024;

/// Why a body could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// 413: it is larger than it may be, declared or not.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge {
        /// What it may have.
        bytes_max: u64,
    },
    /// 408: the client is too slow.
    #[error("the body did not arrive within {} s", .after.as_secs_f64())]
    TooSlow {
        /// The time that it had.
        after: Duration,
    },
    /// 429: it fits another time.
    #[error("the bodies of other requests take the memory that there is for them")]
    NoRoom,
    /// 400: there is no more of it.
    #[error("the client went away")]
    Gone,
}

impl IntoResponse for Cut {
    fn into_response(self) -> Response {
        let status = match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Gone => StatusCode::BAD_REQUEST,
            Self::NoRoom => return too_many(&self.to_string()),
        };
        Problem::new(status).detail(self.to_string()).into_response()
    }
}

/// 429, to be tried again soon.
pub(crate) fn too_many(detail: &str) -> Response {
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(detail);
    let mut response = problem.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Memory that is set aside for a body, until it is dropped.
#[derive(Debug)]
pub struct Room {
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

/// Reads a body into one piece of memory. `pool` has a permit for each byte that all bodies together may
/// take; those of this one are free again when its [`Room`] is dropped.
///
/// # Errors
/// It is larger than `bytes_max`, does not come within `time_max`, finds no room, or its client is gone.
pub async fn read(
    body: Body,
    bytes_max: u64,
    time_max: Duration,
    pool: &Arc<Semaphore>,
) -> Result<(Bytes, Room), Cut> {
    let read = timeout(time_max, read_all(body, bytes_max, pool)).await;
    read.unwrap_or(Err(Cut::TooSlow { after: time_max }))
}

/// Pieces are copied: each one that a client sends would keep a buffer of the connection, however few
/// bytes are in it.
async fn read_all(
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
