//! A connection whose client may be idle for long, but must send the head of a request quickly.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

/// The state of a connection, set by the task that answers its requests.
#[derive(Debug)]
pub(crate) struct Doing {
    state: AtomicU8,
    /// Its last request had a valid token.
    is_known: AtomicBool,
    leave: Notify,
}

impl Doing {
    pub(crate) fn answering(&self) {
        self.state.store(BUSY, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) {
        self.state.store(IDLE, Ordering::Relaxed);
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.state.load(Ordering::Relaxed) == BUSY
    }

    pub(crate) fn set_known(&self, is_known: bool) {
        self.is_known.store(is_known, Ordering::Relaxed);
    }

    pub(crate) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    pub(crate) fn send_away(&self) {
        self.leave.notify_one();
    }

    /// Resolves when the connection must close.
    pub(crate) async fn sent_away(&self) {
        self.leave.notified().await;
    }
}

/// A stream that fails when the head of a request takes longer than `head_time_max`.
///
/// hyper has one timer for a slow head and for an idle connection. Ten seconds suit the first but not
/// the second: clients would often find their kept connection closed just when they send. So hyper gets
/// the long time-out, and this type applies the short one.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    doing: Arc<Doing>,
    head_time_max: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, head_time_max: Duration) -> (Self, Arc<Doing>) {
        // A client that connects wants to send something, so the first head has the same time-out.
        let doing = Arc::new(Doing {
            state: AtomicU8::new(HEAD),
            is_known: AtomicBool::new(false),
            leave: Notify::new(),
        });
        (Self { stream, doing: Arc::clone(&doing), head_time_max, timer: None }, doing)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let filled = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if read.is_ready() {
            let got_bytes = filled < buf.filled().len();
            if got_bytes && this.doing.state.load(Ordering::Relaxed) == IDLE {
                this.doing.state.store(HEAD, Ordering::Relaxed);
                this.timer = None;
            }
            return read;
        }
        if this.doing.state.load(Ordering::Relaxed) != HEAD {
            this.timer = None;
            return Poll::Pending;
        }
        let time_max = this.head_time_max;
        ready!(this.timer.get_or_insert_with(|| Box::pin(sleep(time_max))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
