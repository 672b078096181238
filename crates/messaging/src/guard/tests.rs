use super::frames::{Frames, Step};
use super::reach::Info;
use super::{Guard, Place, readable, up};
use crate::Nats;
use async_nats::ServerAddr;
use proptest::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// What the client gets if the server's bytes come in these pieces.
fn passed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut frames, mut waiting, mut given) = (Frames::default(), Vec::new(), Vec::new());
    for piece in pieces {
        waiting.extend_from_slice(piece);
        loop {
            match frames.step(&waiting) {
                Step::More => break,
                Step::Pass(bytes) | Step::Info(bytes) => given.extend(waiting.drain(..bytes)),
                Step::Instead { bytes, by } => {
                    waiting.drain(..bytes);
                    given.extend(by);
                }
            }
        }
    }
    given.extend(waiting);
    given
}

fn with_headers(subject: &str, reply: &str, block: &[u8], payload: &[u8]) -> Vec<u8> {
    let (head, all) = (block.len(), block.len() + payload.len());
    let line = format!("HMSG {subject} 7{reply} {head} {all}\r\n");
    [line.as_bytes(), block, payload, b"\r\n"].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn good_messages_pass_as_they_are() {
    let good = [
        b"INFO {\"server_id\":\"x\"} \r\n".to_vec(),
        b"PING\r\n+OK\r\nMSG a.b 1 5\r\nHMSG \r\nMSG a 1 _INBOX.x 0\r\n\r\n".to_vec(),
        with_headers("a", "", b"NATS/1.0\r\nA: b\r\nC:d\r\n e\r\n\r\n", b"p\r\n"),
        with_headers("a", " _INBOX.x", b"NATS/1.0 503\r\n\r\n", b""),
        with_headers("a", "", b"NATS/1.0 404 No Messages\r\n\r\n", b""),
        b"-ERR 'Stale Connection'\r\n".to_vec(),
    ]
    .concat();
    assert_eq!(text(&passed([good.as_slice()])), text(&good));
}

#[test]
fn a_block_that_cannot_be_read_stands_in_a_header_with_what_the_server_added() {
    let block = b"NATS/1.0\r\nno colon\r\nNats-Stream: S\r\nNats-Bad\r\n\r\n";
    let given = passed([with_headers("a", " $JS.ACK.x", block, b"payload").as_slice()]);
    let given = text(&given);
    let expected = "NATS/1.0\r\nNats-Stream: S\r\nOrderflow-Unreadable-Headers: \
                    TkFUUy8xLjANCm5vIGNvbG9uDQpOYXRzLVN0cmVhbTogUw0KTmF0cy1CYWQNCg0K\r\n\r\n";
    let (head, all) = (expected.len(), expected.len() + 7);
    assert_eq!(given, format!("HMSG a 7 $JS.ACK.x {head} {all}\r\n{expected}payload\r\n"));
}

#[test]
fn a_status_is_the_servers_word_only_where_no_stream_stored_it() {
    let status = b"NATS/1.0 409 Consumer Deleted\r\n\r\n";
    let stored = b"NATS/1.0 404\r\nNats-Stream: S\r\nNats-Sequence: 1\r\n\r\n";
    assert!(readable::is_readable(status, b"7"));
    assert!(!readable::is_readable(status, b"$JS.ACK.S.c.1.1.1.1.0"));
    assert!(!readable::is_readable(stored, b"7"));
    assert!(!readable::is_readable(b"NATS/1.0 abc\r\n\r\n", b"7"));
}

#[test]
fn lines_that_are_no_text_become_text() {
    let bytes = b"MSG a.\xff 1 2\r\n\xff\xfe\r\n-ERR 'Permissions Violation for \"\xff\"'\r\n";
    let expected = b"MSG a.\xef\xbf\xbd 1 2\r\n\xff\xfe\r\n-ERR 'Permissions Violation for \"\xef\xbf\xbd\"'\r\n";
    assert_eq!(passed([bytes.as_slice()]), expected);
    let blank = with_headers("a\u{a0}b", "", b"NATS/1.0\r\n\r\n", b"");
    let expected = with_headers("a\u{fffd}b", "", b"NATS/1.0\r\n\r\n", b"");
    assert_eq!(text(&passed([blank.as_slice()])), text(&expected));
}

#[test]
fn lengths_that_cannot_be_are_left_to_the_client() {
    for line in ["HMSG a 1 9 3\r\n", "HMSG a 1 x 3\r\n", "HMSG \r\n", "MSG a 1 x\r\n"] {
        assert_eq!(text(&passed([line.as_bytes()])), line);
    }
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let block = prop_oneof![
        Just(b"NATS/1.0\r\nA: b\r\n\r\n".to_vec()),
        Just(b"NATS/1.0\r\nno colon\r\n\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    let payload = proptest::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        (block, payload.clone()).prop_map(|(block, payload)| {
            with_headers("a.b", " $JS.ACK.S.c.1.1.1.1.0", &block, &payload)
        }),
        payload.prop_map(|payload| {
            [format!("MSG a.b 1 {}\r\n", payload.len()).as_bytes(), &payload, b"\r\n"].concat()
        }),
        Just(b"PING\r\n".to_vec()),
    ]
}

proptest! {
    /// However the bytes come, the client gets the same, and all of it is what it can read.
    #[test]
    fn pieces_make_no_difference(
        frames in proptest::collection::vec(frame(), 1..12),
        size in 1_usize..90,
    ) {
        let bytes = frames.concat();
        let whole = passed([bytes.as_slice()]);
        prop_assert_eq!(&passed(bytes.chunks(size)), &whole);
        prop_assert_eq!(&passed([whole.as_slice()]), &whole, "nothing is left to change");
        let each: Vec<u8> = frames.iter().flat_map(|one| passed([one.as_slice()])).collect();
        prop_assert_eq!(&each, &whole, "no frame takes from the next");
    }
}

const SOON: Duration = Duration::from_secs(60);

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

async fn guard(address: &str) -> (Guard, String) {
    guard_of(&format!("nats://{address}")).await
}

async fn guard_of(url: &str) -> (Guard, String) {
    let server: ServerAddr = url.parse().unwrap();
    let guard = Guard::start(&[server]).await.unwrap();
    let own = guard.servers().next().unwrap();
    (guard, format!("{}:{}", own.host(), own.port()))
}

/// A server that says its first word, and a client that has heard it.
async fn heard(listener: &TcpListener, own: &str) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(own).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    server.write_all(b"INFO {}\r\n").await.unwrap();
    let mut word = [0; 9];
    timeout(SOON, client.read_exact(&mut word)).await.unwrap().unwrap();
    assert_eq!(&word, b"INFO {}\r\n");
    (client, server)
}

/// What comes up to the end of the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("it closes").ok();
    text(&bytes)
}

#[tokio::test]
async fn either_end_closes_both_and_all_that_was_sent_before_comes() {
    let (listener, address) = listener().await;
    let (_guard, own) = guard(&address).await;
    let mut client = TcpStream::connect(&own).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    server.write_all(b"INFO {}\r\nPING\r\n").await.unwrap();
    drop(server);
    assert_eq!(rest(&mut client).await, "INFO {}\r\nPING\r\n");

    let (mut client, mut server) = heard(&listener, &own).await;
    client.write_all(b"CONNECT {}\r\n").await.unwrap();
    drop(client);
    assert_eq!(rest(&mut server).await, "CONNECT {}\r\n");
}

#[tokio::test]
async fn what_a_client_sent_comes_though_the_guard_is_gone() {
    let (listener, address) = listener().await;
    let (guard, own) = guard(&address).await;
    let (mut client, mut server) = heard(&listener, &own).await;
    client.write_all(b"PUB a 1\r\nx\r\n").await.unwrap();
    drop((client, guard));
    assert_eq!(rest(&mut server).await, "PUB a 1\r\nx\r\n");
    until_refused(&own).await;
}

async fn until_refused(address: &str) {
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(SOON, refused).await.expect("nobody listens any more");
}

#[tokio::test]
async fn a_server_that_is_away_is_named_with_the_reason() {
    let (listener, address) = listener().await;
    drop(listener);
    let error = Nats::connect(&format!("nats://{address}"), "test", false).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("refused"), "{error}: {source}");
}

#[tokio::test]
async fn another_member_of_the_cluster_is_reached_when_its_own_is_gone() {
    let (first, address) = listener().await;
    let (second, other) = listener().await;
    let (_guard, own) = guard(&address).await;
    let mut client = TcpStream::connect(&own).await.unwrap();
    let (mut server, _) = first.accept().await.unwrap();
    let info = format!("INFO {{\"connect_urls\":[\"{address}\",\"{other}\"]}}\r\n");
    server.write_all(info.as_bytes()).await.unwrap();
    let mut byte = [0];
    client.read_exact(&mut byte).await.unwrap();
    drop((client, server, first));
    // On a slow machine the first connection may end before it reaches the other server.
    let asked = async {
        loop {
            let mut client = TcpStream::connect(&own).await.unwrap();
            tokio::select! {
                accepted = second.accept() => return drop(accepted.unwrap()),
                _ = client.read(&mut byte) => {}
            }
        }
    };
    timeout(SOON, asked).await.expect("the other one is asked");
}

/// The first byte of what TLS begins with.
const HANDSHAKE: u8 = 0x16;

#[tokio::test]
async fn nothing_is_said_in_plain_where_a_server_or_its_url_wants_tls() {
    let (listener, address) = listener().await;
    for (scheme, info) in [
        ("nats", "INFO {\"tls_required\":true}\r\n"),
        ("tls", "INFO {\"tls_required\":false}\r\n"),
        ("tls", "INFO not JSON\r\n"),
    ] {
        let (_guard, own) = guard_of(&format!("{scheme}://{address}")).await;
        let mut client = TcpStream::connect(&own).await.unwrap();
        client.write_all(b"CONNECT {}\r\n").await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(info.as_bytes()).await.unwrap();
        let first = timeout(SOON, server.read_u8()).await.expect("it answers").unwrap();
        assert_eq!(first, HANDSHAKE, "{scheme} {info}");
        server.write_all(b"PING\r\n").await.unwrap();
        drop(server);
        assert_eq!(rest(&mut client).await, "", "nothing of it comes");
    }
}

/// Somebody between the two would say it.
#[tokio::test]
async fn what_is_said_before_tls_is_not_taken_as_said_over_it() {
    let (listener, address) = listener().await;
    let (_guard, own) = guard_of(&format!("tls://{address}")).await;
    let mut client = TcpStream::connect(&own).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    server.write_all(b"INFO {}\r\nMSG a 1 1\r\nx\r\n").await.unwrap();
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(rest(&mut server).await, "");
}

#[test]
fn the_client_is_told_of_no_tls_and_of_all_else() {
    let line = b"INFO {\"server_id\":\"x\",\"tls_required\":true,\"max_payload\":7} \r\n";
    let told = String::from_utf8(Info::without_tls(line).unwrap()).unwrap();
    let told: serde_json::Value =
        serde_json::from_str(told.strip_prefix("INFO ").unwrap()).unwrap();
    let expected = serde_json::json!({"server_id": "x", "tls_required": false, "max_payload": 7});
    assert_eq!(told, expected);
    assert!(Info::without_tls(b"INFO no\r\n").is_none());
}

/// Otherwise a client that left, with bytes on the way to a server that hangs, is never noticed.
#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_is_left() {
    let (mut client, near) = tokio::io::duplex(1_024);
    let (far, _server) = tokio::io::duplex(1_024);
    let passing = tokio::spawn(up(near, far));
    client.write_all(&[b'x'; 2_048]).await.unwrap();
    let ended = passing.await.unwrap().unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn its_own_server_is_asked_first_and_every_other_one_once() {
    let place = Place::new("a:1".into(), false);
    *super::lock(&place.named) = ["b:1", "a:1", "c:1"].map(String::from).into();
    let mut candidates = place.candidates();
    assert_eq!(candidates.first().map(String::as_str), Some("a:1"));
    candidates.sort();
    assert_eq!(candidates, ["a:1", "b:1", "c:1"]);
}
