//! The effect of the fault proxy on connections, seen by a real nats-server and its clients.

use async_nats::jetstream::stream;
use messaging::Nats;
use messaging::publish::{Outgoing, Published, all, one};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use testkit::nats::Server;
use testkit::proxy::{Fault, Proxy, Side};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);

/// A server with a stream, one client through a proxy and one that connects directly.
struct Site {
    proxy: Proxy,
    through: Nats,
    direct: Nats,
    _server: Server,
}

async fn site() -> Site {
    let server = Server::start();
    let proxy = Proxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()))).await.unwrap();
    let direct = Nats::connect(&server.url(), "direct", false).await.unwrap();
    let config = stream::Config {
        name: "S".into(),
        subjects: vec!["s.>".into()],
        ..stream::Config::default()
    };
    direct.js.create_stream(config).await.unwrap();
    let url = format!("nats://{}", proxy.address());
    let through = Nats::connect(&url, "through", false).await.unwrap();
    Site { proxy, through, direct, _server: server }
}

impl Site {
    fn inject(&self, fault: Fault) {
        assert!(self.proxy.inject(fault, 0));
    }

    async fn stored(&self) -> u64 {
        self.direct.js.get_stream("S").await.unwrap().cached_info().state.messages
    }

    async fn publish(&self) -> Result<Published, messaging::publish::Unclear> {
        one(&self.through, &Outgoing::new("s.a".into(), "x".into()), None).await
    }

    /// Publishes until the client has reconnected, however long that takes.
    async fn publish_until_stored(&self) {
        while self.publish().await.is_err() {}
    }
}

#[tokio::test]
async fn a_publish_whose_reply_is_dropped_is_stored() {
    let site = site().await;
    site.inject(Fault::DropReplies(SHORT));
    site.publish().await.unwrap_err();
    assert_eq!(site.stored().await, 1);
    site.publish_until_stored().await;
    assert!(site.stored().await >= 2);
    assert_eq!(site.proxy.injected()["replies dropped"], 1);
}

#[tokio::test]
async fn a_client_comes_back_after_a_reset() {
    let site = site().await;
    for _ in 0..2 {
        site.publish_until_stored().await;
        site.inject(Fault::Reset);
    }
    site.publish_until_stored().await;
    assert!(site.stored().await >= 3);
}

#[tokio::test]
async fn stalled_and_delayed_bytes_arrive_later() {
    let site = site().await;
    for fault in [Fault::Stall(SHORT), Fault::Delay { by: SHORT, during: LONG }] {
        let started = Instant::now();
        site.inject(fault);
        site.publish().await.unwrap();
        // The fault may have begun a moment before the clock was read.
        assert!(started.elapsed() > SHORT / 2, "{fault:?} took {:?}", started.elapsed());
    }
    assert_eq!(site.stored().await, 2);
}

#[tokio::test]
async fn a_cut_connection_is_silent_and_its_bytes_arrive_later() {
    let site = site().await;
    site.proxy.set_cut(true);
    let (sent, ()) = tokio::join!(site.publish(), async {
        tokio::time::sleep(SHORT).await;
        assert_eq!((site.stored().await, site.proxy.connections()), (0, 1));
        site.proxy.set_cut(false);
    });
    sent.unwrap();
    assert_eq!(site.stored().await, 1);
}

#[tokio::test]
async fn one_byte_slices_do_not_change_the_content() {
    let site = site().await;
    site.inject(Fault::Slices(LONG));
    let body: Vec<u8> = (0..100_000).map(|n: u32| n.to_le_bytes()[0]).collect();
    let message = Outgoing::new("s.large".into(), body.clone().into());
    let small = Outgoing::new("s.small".into(), "x".into());
    for answer in all(&site.through, &[small.clone(), message, small], None).await {
        answer.unwrap();
    }
    let stored = messaging::stored::last(&site.direct, "S", "s.large").await.unwrap().unwrap();
    assert!(stored.payload == body);
}

#[tokio::test]
async fn a_publish_to_a_server_that_is_gone_is_not_stored() {
    let site = site().await;
    site.inject(Fault::HalfOpen { gone: Side::Server, during: SHORT });
    // The connection must be cut before the publish, without the client noticing.
    while site.proxy.injected().is_empty() {
        tokio::task::yield_now().await;
    }
    let started = Instant::now();
    site.publish().await.unwrap_err();
    assert!(started.elapsed() > SHORT / 2, "the client heard of it: {:?}", started.elapsed());
    assert_eq!(site.stored().await, 0);
    site.publish_until_stored().await;
}

#[tokio::test]
async fn a_server_does_not_notice_that_its_client_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"x").await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), b'x');
    assert!(proxy.inject(Fault::HalfOpen { gone: Side::Client, during: LONG }, 0));
    assert!(client.read_u8().await.is_err());
    server.write_all(b"nobody hears this").await.unwrap();
    let heard = tokio::time::timeout(SHORT, server.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn a_fault_without_a_connection_is_applied_to_the_next_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start().await.unwrap();
    let mut early = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(matches!(early.read(&mut [0]).await, Ok(0) | Err(_)), "there is no upstream yet");
    proxy.set_upstream(listener.local_addr().unwrap());
    assert!(proxy.inject(Fault::Reset, 7));
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(client.read_u8().await.is_err());
    let mut next = TcpStream::connect(proxy.address()).await.unwrap();
    drop(listener.accept().await.unwrap());
    let (mut server, _) = listener.accept().await.unwrap();
    next.write_all(b"x").await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), b'x');
    assert_eq!((proxy.connections(), proxy.injected()["reset"]), (1, 1));
}

#[tokio::test]
async fn a_fault_for_a_connection_that_ends_is_applied_to_the_next_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"x").await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), b'x');
    // The first fault is applied at once, the second one waits for its end.
    assert!(proxy.inject(Fault::DropReplies(SHORT), 0));
    while proxy.injected().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(proxy.inject(Fault::Reset, 0));
    client.write_all(b"x").await.unwrap();
    assert!(client.read_u8().await.is_err());
    let mut next = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(next.read_u8().await.is_err());
    assert_eq!(proxy.injected()["reset"], 1);
}

#[tokio::test]
async fn faults_beyond_the_limit_are_refused() {
    let proxy = Proxy::start().await.unwrap();
    let taken = (0..100).filter(|_| proxy.inject(Fault::Reset, 0)).count();
    assert_eq!(taken, 16);
}
