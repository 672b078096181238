//! The workload that OpenFaaS expects: it listens before it says that it is healthy, a body has a
//! limit, and after SIGTERM it takes no new work and ends what it has begun.

mod handler;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// A larger body is answered with 413.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// More connections wait.
const CONNECTIONS_MAX: usize = 256;
/// After SIGTERM requests are still accepted: routers learn of it only after some time.
const GRACE: Duration = Duration::from_secs(5);
/// How long requests in progress are waited for then. Together less than Kubernetes' 30 s.
const DRAIN: Duration = Duration::from_secs(20);

/// Ends with SIGTERM.
pub async fn terminated() {
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(error) => eprintln!("cannot wait for SIGTERM: {error}"),
    }
}

/// Serves until `stop` and the grace after it.
pub async fn serve(listener: TcpListener, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let stopping = Arc::new(AtomicBool::new(false));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = GracefulShutdown::new();
    let ended = async {
        stop.await;
        stopping.store(true, Ordering::Relaxed);
        tokio::time::sleep(GRACE).await;
    };
    tokio::pin!(ended);
    loop {
        let next = async {
            let place = Arc::clone(&places)
                .acquire_owned()
                .await
                .expect("it is never closed");
            listener.accept().await.map(|(stream, _)| (place, stream))
        };
        let (place, stream) = tokio::select! {
            accepted = next => accepted?,
            () = &mut ended => break,
        };
        let stopping = Arc::clone(&stopping);
        let service = service_fn(move |request| answer(request, Arc::clone(&stopping)));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(10))
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("connection: {error}");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown())
        .await
        .is_err()
    {
        eprintln!("some requests took longer than {} s", DRAIN.as_secs());
    }
    Ok(())
}

async fn answer(
    request: Request<Incoming>,
    stopping: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_stopping = stopping.load(Ordering::Relaxed);
    if request.uri().path() == "/_/health" {
        let status = if is_stopping {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        };
        return Ok(plain(status));
    }
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let mut response = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => handler::handle(Request::from_parts(parts, body.to_bytes())).await,
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            plain(StatusCode::PAYLOAD_TOO_LARGE)
        }
        Err(_) => plain(StatusCode::BAD_REQUEST),
    };
    let seconds = format!("{:.6}", started.elapsed().as_secs_f64());
    if let Ok(seconds) = HeaderValue::from_str(&seconds) {
        response.headers_mut().insert("x-duration-seconds", seconds);
    }
    if is_stopping {
        response
            .headers_mut()
            .insert("connection", HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
