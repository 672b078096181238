//! The login that a URL names.

use messaging::Nats;
use std::error::Error as _;
use std::process::Command;
use testkit::nats::Server;

/// As hard for a URL as a password can be.
const PASSWORD: &str = "p4,ss@w0/rd%:ü";
const ENCODED: &str = "p4%2Css%40w0%2Frd%25:%C3%BC";

/// A server that lets in only `me` with that password.
fn server() -> Server {
    let server = Server::start();
    let path = server.dir().join("nats-server.conf");
    let config = std::fs::read_to_string(&path).unwrap();
    let login = format!("authorization {{ user: me, password: {PASSWORD:?} }}\n");
    std::fs::write(&path, config + &login).unwrap();
    let pid = server.pid().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    server
}

#[tokio::test]
async fn a_password_in_percent_form_logs_in_and_no_error_repeats_it() {
    let server = server();
    let with = |login: &str| server.url().replace("nats://", &format!("nats://{login}@"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // The server reads its configuration when it gets to it.
    while Nats::connect(&server.url(), "test", false).await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "it still lets everybody in");
    }
    let nats = Nats::connect(&with(&format!("me:{ENCODED}")), "test", false).await.unwrap();
    nats.client.flush().await.unwrap();
    // As it stands, and with another one.
    for login in [format!("me:{PASSWORD}"), "me:w0rdp4ss".to_owned(), "w0rdp4ss".to_owned()] {
        let error = Nats::connect(&with(&login), "test", false).await.unwrap_err();
        assert!(error.is_final(), "{error:?}");
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        let text = format!("{error} {source} {error:?}");
        for part in ["p4", "w0", "rd%"] {
            assert!(!text.contains(part), "{text}");
        }
    }
    server.kill();
    let away = Nats::connect(&with("me:w0rdp4ss"), "test", false).await.unwrap_err();
    assert!(!away.is_final(), "{away:?}");
}
