//! Places and memory for requests: the connector, people and callers without a token have separate
//! limits, so that none of them can starve another.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::{Cut, Room, read, too_many};
use crate::door::Caller;
use crate::doorman::Peer;
use crate::inbound::Watch;
use crate::memory::Bodies;
use crate::settings::ServerSettings;

/// How long a caller without a token may take to send a body.
const OPEN_BODY_TIME_MAX: Duration = Duration::from_secs(5);
/// Large answers are sent in pieces of this size, so that the shell notices when the last byte is sent.
const PIECE: usize = 64 * 1024;

/// The limits for all requests of a server.
pub(crate) struct Gate {
    connector: Pool,
    people: Pool,
    open: Pool,
}

/// The limits for one kind of caller.
struct Pool {
    places_max: usize,
    places: Arc<Semaphore>,
    bytes_max: u64,
    bytes: Arc<Semaphore>,
    body_time_max: Duration,
    /// The largest body, if it does not depend on the route.
    body_bytes_max: Option<u64>,
}

impl Pool {
    fn new(places_max: usize, bytes_max: u64, body_time_max: Duration) -> Self {
        let bytes = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            places_max,
            places: Arc::new(Semaphore::new(places_max)),
            bytes_max,
            bytes: Arc::new(Semaphore::new(bytes)),
            body_time_max,
            body_bytes_max: None,
        }
    }
}

impl Gate {
    pub(crate) fn new(settings: &ServerSettings, bodies: Bodies) -> Self {
        let (all, time) = (settings.in_flight_max.get(), settings.body_timeout);
        let connector = Pool {
            body_bytes_max: Some(settings.body_bytes_max),
            ..Pool::new(all, bodies.connector, time)
        };
        let open = settings.open_in_flight_max.get();
        Self {
            connector,
            people: Pool::new(all, bodies.people, time),
            open: Pool::new(open, bodies.open, time.min(OPEN_BODY_TIME_MAX)),
        }
    }

    fn pool(&self, caller: Caller) -> &Pool {
        match caller {
            Caller::Connector => &self.connector,
            Caller::Partner | Caller::Orders | Caller::Read | Caller::Admin => &self.people,
            Caller::Anyone | Caller::Stranger => &self.open,
        }
    }

    /// Waits until no handler is running.
    pub(crate) async fn empty(&self) {
        for pool in [&self.connector, &self.people, &self.open] {
            let all = u32::try_from(pool.places_max).unwrap_or(u32::MAX);
            // The semaphore is never closed, so this returns when the last handler has ended.
            drop(pool.places.acquire_many(all).await);
        }
    }

    /// Number of requests that have a place.
    pub(crate) fn taken(&self) -> usize {
        let pools = [&self.connector, &self.people, &self.open];
        pools.iter().map(|pool| pool.places_max - pool.places.available_permits()).sum()
    }
}

/// What the shell passes to the door of the route together with a request.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) gate: Arc<Gate>,
    pub(crate) peer: Peer,
    pub(crate) watch: Watch,
}

/// A request that may be handled; its body has been read.
pub(crate) struct Admitted {
    place: OwnedSemaphorePermit,
    _room: Room,
}

impl Pass {
    /// Reads the body of `request`, then takes a place, so that slow clients hold none.
    pub(crate) async fn admit(
        self,
        caller: Caller,
        body_bytes_max: u64,
        request: Request,
    ) -> Result<(Request, Admitted), Response> {
        let pool = self.gate.pool(caller);
        let bytes_max = pool.body_bytes_max.unwrap_or(body_bytes_max).min(pool.bytes_max);
        let (parts, body) = request.into_parts();
        let whole = read(body, bytes_max, pool.body_time_max, &pool.bytes).await;
        let (whole, room) = whole.map_err(|cut| {
            if matches!(cut, Cut::TooSlow { .. } | Cut::Gone) {
                self.watch.give_up();
            }
            cut.into_response()
        })?;
        let place = Arc::clone(&pool.places).try_acquire_owned();
        let place = place.map_err(|_| too_many("too many requests at a time"))?;
        let request = Request::from_parts(parts, Body::from(whole));
        Ok((request, Admitted { place, _room: room }))
    }
}

impl Admitted {
    /// Frees the memory of the request's body now, and the place after the answer has been sent.
    pub(crate) fn answer(self, response: Response) -> Response {
        let place = self.place;
        response.map(|body| Body::new(Leaving { body, rest: Bytes::new(), _place: place }))
    }
}

/// The body of an answer; it holds the request's place until it has been sent.
struct Leaving {
    body: Body,
    rest: Bytes,
    _place: OwnedSemaphorePermit,
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let hint = self.body.size_hint();
        let mut all = SizeHint::new();
        all.set_lower(hint.lower().saturating_add(rest));
        if let Some(upper) = hint.upper() {
            all.set_upper(upper.saturating_add(rest));
        }
        all
    }
}
