//! Answers that come before the whole request is sent. A function that refuses a large body answers and
//! closes the connection while the rest is still being sent; its answer can be read all the same.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Uri;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

/// Most bytes that are read of a refused body. A client that still sends cannot read the answer.
const REST_BYTES_MAX: usize = 32 << 20;
const REST_TIME_MAX: Duration = Duration::from_secs(5);

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector(pub(super) HttpConnector);

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let stream = self.0.call(to);
        Box::pin(async move { Ok(Stream { inner: stream.await?, is_deaf: false }) })
    }
}

/// A connection to a function. After the function has closed its receiving side, writes are discarded, and
/// reading goes on: the answer may still come.
pub(super) struct Stream {
    inner: TokioIo<TcpStream>,
    is_deaf: bool,
}

impl Stream {
    /// The result of a write. If the other side has closed, it is `all`: as if everything was written.
    fn written<T>(&mut self, done: Poll<io::Result<T>>, all: T) -> Poll<io::Result<T>> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        match done {
            Poll::Ready(Err(error)) if matches!(error.kind(), BrokenPipe | ConnectionReset) => {
                self.is_deaf = true;
                Poll::Ready(Ok(all))
            }
            done => done,
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_deaf {
            return Poll::Ready(Ok(bytes.len()));
        }
        let done = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.written(done, bytes.len())
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = parts.iter().map(|part| part.len()).sum();
        if self.is_deaf {
            return Poll::Ready(Ok(all));
        }
        let done = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.written(done, all)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_flush(cx);
        self.written(done, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.written(done, ())
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}

/// The body of a request. What is left of it when it is dropped is read, within limits: a connection
/// that is closed over unread bytes is reset, and then its client may never see the answer.
pub(super) struct Whole(Option<Body>);

impl Whole {
    pub(super) fn new(body: Body) -> Self {
        Self(Some(body))
    }
}

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let Some(mut rest) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Without a runtime there is no connection any more.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let mut left = REST_BYTES_MAX;
            let read = async {
                while let Some(Ok(frame)) = rest.frame().await {
                    let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len))
                    else {
                        return;
                    };
                    left = less;
                }
            };
            // Whether it ended in time makes no difference.
            drop(tokio::time::timeout(REST_TIME_MAX, read).await);
        });
    }
}
