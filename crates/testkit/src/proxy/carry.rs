//! Forwards one connection and applies its faults.

use super::{Fault, Side};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

const BUFFER_BYTES: usize = 64 * 1024;
/// Most bytes of a chunk that pass one by one; the rest follows at once, or a large message would take
/// minutes.
const SLICES_MAX: usize = 2_000;
/// How long to wait for a request whose reply is to be dropped.
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(2);

/// How bytes pass in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Through,
    Not,
    Later(Duration),
    OneByOne,
    /// Read and discarded.
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Modes {
    /// From client to server.
    requests: Pass,
    replies: Pass,
}

impl Modes {
    const fn both(pass: Pass) -> Self {
        Self { requests: pass, replies: pass }
    }

    const fn from(self, side: Side) -> Pass {
        match side {
            Side::Client => self.requests,
            Side::Server => self.replies,
        }
    }
}

/// The modes of this connection, and whether all connections are cut.
#[derive(Clone)]
struct Lines {
    modes: watch::Receiver<Modes>,
    cut: watch::Receiver<bool>,
}

impl Lines {
    /// Waits until bytes from `side` may pass, and returns how; an error when the proxy was dropped.
    async fn open(&mut self, side: Side) -> io::Result<Pass> {
        let ended = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        self.cut.wait_for(|cut| !cut).await.map_err(ended)?;
        let modes = self.modes.wait_for(|modes| modes.from(side) != Pass::Not).await;
        Ok(modes.map_err(ended)?.from(side))
    }
}

enum End {
    Reset,
    HalfOpen { gone: Side, during: Duration },
}

/// Forwards bytes until one end closes or a fault ends the connection; calls `started` for each fault.
pub(super) async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    faults: &mut mpsc::Receiver<Fault>,
    cut: watch::Receiver<bool>,
    started: impl Fn(Fault),
) {
    // Without this, single bytes would be merged. It fails only for a closed connection.
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (modes, mode) = watch::channel(Modes::both(Pass::Through));
    let (passed, requests) = watch::channel(0);
    let end = {
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        let (ignored, _) = watch::channel(0);
        let lines = Lines { modes: mode, cut };
        let up = pump(client_reads, server_writes, lines.clone(), Side::Client, &passed);
        let down = pump(server_reads, client_writes, lines, Side::Server, &ignored);
        tokio::select! {
            closed = async { tokio::try_join!(up, down) } => match closed {
                Ok(_) => return,
                Err(_) => End::Reset,
            },
            end = obey(&modes, faults, requests, started) => end,
        }
    };
    match end {
        End::Reset => {
            reset(client);
            reset(server);
        }
        End::HalfOpen { gone, during } => {
            let (gone, mut left) = match gone {
                Side::Client => (client, server),
                Side::Server => (server, client),
            };
            reset(gone);
            // The other end is not told; it must find out by itself.
            drop(timeout(during, swallow(&mut left)).await);
            reset(left);
        }
    }
}

fn reset(stream: TcpStream) {
    // It fails only for a connection that has been reset.
    stream.set_zero_linger().ok();
    drop(stream);
}

async fn swallow(stream: &mut TcpStream) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    std::future::pending().await
}

/// Applies faults one after another until one ends the connection.
async fn obey(
    modes: &watch::Sender<Modes>,
    faults: &mut mpsc::Receiver<Fault>,
    mut requests: watch::Receiver<u64>,
    started: impl Fn(Fault),
) -> End {
    while let Some(fault) = faults.recv().await {
        started(fault);
        let (pass, during) = match fault {
            Fault::Reset => return End::Reset,
            Fault::HalfOpen { gone, during } => return End::HalfOpen { gone, during },
            Fault::DropReplies(after) => {
                modes.send_replace(Modes { requests: Pass::Through, replies: Pass::Lost });
                let before = *requests.borrow_and_update();
                // There may be no request.
                drop(timeout(REQUEST_WAIT_MAX, requests.wait_for(|now| *now > before)).await);
                sleep(after).await;
                return End::Reset;
            }
            Fault::Stall(during) => (Pass::Not, during),
            Fault::Delay { by, during } => (Pass::Later(by), during),
            Fault::Slices(during) => (Pass::OneByOne, during),
        };
        modes.send_replace(Modes::both(pass));
        sleep(during).await;
        modes.send_replace(Modes::both(Pass::Through));
    }
    // The proxy was dropped, which also ends this connection.
    End::Reset
}

/// Forwards the bytes of `side` to the other side.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut lines: Lines,
    side: Side,
    passed: &watch::Sender<u64>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let ended = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
    loop {
        // While nothing may pass, nothing is read either, so that the sender's buffers fill up.
        lines.open(side).await?;
        let count = tokio::select! {
            read = from.read(&mut buffer) => read?,
            changed = lines.modes.changed() => {
                changed.map_err(ended)?;
                continue;
            }
        };
        // The end of a connection is not forwarded either while it is cut.
        let pass = lines.open(side).await?;
        let Some(bytes @ [_, ..]) = buffer.get(..count) else { return to.shutdown().await };
        match pass {
            Pass::Through | Pass::Not => to.write_all(bytes).await?,
            Pass::Later(by) => {
                sleep(by).await;
                to.write_all(bytes).await?;
            }
            Pass::OneByOne => {
                let (slices, rest) = bytes.split_at(bytes.len().min(SLICES_MAX));
                for byte in slices.chunks(1) {
                    to.write_all(byte).await?;
                    tokio::task::yield_now().await;
                }
                to.write_all(rest).await?;
            }
            Pass::Lost => continue,
        }
        passed.send_modify(|count| *count += 1);
    }
}
