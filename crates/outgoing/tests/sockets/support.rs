//! Servers that count their connections, and clients that may call them.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use outgoing::{Client, Resolve, Settings};
use runtime::Env;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) type Answer = hyper::Response<Full<Bytes>>;

/// A server on a free port of an address.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server that passes each connection to `serve`.
    pub(crate) async fn start<F>(
        address: &str,
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let (at, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self { at, connections }
    }

    /// Starts an HTTP server with hyper.
    pub(crate) async fn http(
        address: &str,
        answer: impl Fn(hyper::Request<Bytes>) -> Answer + Clone + Send + 'static,
    ) -> Self {
        Self::start(address, move |stream| speak(stream, answer.clone())).await
    }

    /// Starts a server that reads the head of a request and passes the connection to `more`.
    pub(crate) async fn scripted(
        address: &str,
        more: impl Fn(TcpStream) -> BoxFuture<'static, io::Result<()>> + Clone + Send + 'static,
    ) -> Self {
        let serve = move |mut stream: TcpStream| {
            let more = more.clone();
            async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                // The client may have disconnected; some tests do that.
                drop(more(stream).await);
            }
        };
        Self::start(address, serve).await
    }

    /// Starts a server that answers each request with these bytes and closes the connection.
    pub(crate) async fn raw(address: &str, bytes: &'static [u8]) -> Self {
        let write = move |mut stream: TcpStream| async move { stream.write_all(bytes).await };
        Self::scripted(address, move |stream| Box::pin(write(stream))).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Serves one connection with hyper.
pub(crate) async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answer: impl Fn(hyper::Request<Bytes>) -> Answer + Clone + Send + 'static,
) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(answer(hyper::Request::from_parts(head, body)))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    drop(connection.serve_connection(TokioIo::new(stream), service).await);
}

/// Settings that allow `port` on the given networks.
pub(crate) fn settings(port: u16, networks: &str) -> Settings {
    let port = format!("443,{port}");
    let pairs = [("ORDERFLOW_OUTGOING_PORTS", &*port), ("ORDERFLOW_OUTGOING_NETWORKS", networks)];
    let mut env = Env::from_pairs(pairs);
    let settings = Settings::from_env(&mut env);
    env.finish(|| Some(settings)).unwrap()
}

pub(crate) fn client(server: &Server) -> Client {
    Client::new(settings(server.at.port(), "127.0.0.1")).unwrap()
}

/// A resolver that returns the next list for each query; the last list is returned repeatedly.
pub(crate) struct Names(Mutex<VecDeque<Vec<IpAddr>>>);

impl Names {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let list = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(list).collect())))
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock().unwrap();
        let answer =
            if answers.len() == 1 { answers.front().cloned() } else { answers.pop_front() };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}
