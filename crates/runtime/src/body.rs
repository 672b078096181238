//! Reads the body of a request completely, within limits of size, time and memory.

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

/// Memory is reserved in steps of this size: a body may arrive in pieces of one byte.
const STEP: usize = 16 * 1024;

/// Why a body could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// 413: the body is larger than allowed, declared or not.
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// 408: the client is too slow.
    #[error("the body did not arrive within {} s", .after.as_secs_f64())]
    TooSlow {
        /// The limit.
        after: Duration,
    },
    /// 429: no memory at the moment.
    #[error("no memory is left: the bodies of other requests use it")]
    NoRoom,
    /// 400: the client disconnected.
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

/// 429 with a hint to retry soon.
pub(crate) fn too_many(detail: &str) -> Response {
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(detail);
    let mut response = problem.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Memory that is reserved for a body, until it is dropped.
#[derive(Debug)]
pub struct Room {
    pool: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn new(pool: &Arc<Semaphore>) -> Self {
        Self { pool: Arc::clone(pool), taken: None }
    }

    /// Reserves more memory, up to `bytes` in total. It never waits: bodies that hold half of their
    /// memory and wait for each other would wait forever.
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

/// Reads a body into one buffer. `pool` has one permit for each byte that all bodies together may use;
/// the permits of this body are returned when its [`Room`] is dropped.
///
/// # Errors
/// The body is larger than `bytes_max` or slower than `time_max`, there is no memory, or the client
/// disconnected.
pub async fn read(
    body: Body,
    bytes_max: u64,
    time_max: Duration,
    pool: &Arc<Semaphore>,
) -> Result<(Bytes, Room), Cut> {
    let read = timeout(time_max, read_all(body, bytes_max, pool)).await;
    read.unwrap_or(Err(Cut::TooSlow { after: time_max }))
}

/// Copies the pieces: each piece would otherwise keep a whole buffer of the connection alive, however
/// few bytes it has.
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
            // Declared memory is not touched before bytes arrive, so the system does not allocate it
            // yet.
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
